/*
 * AVIF for the picture service, over libavif and dav1d: a still image as RGBA
 * with 8 bits. An instance decodes one image: its memory, which the host
 * limits, never shrinks.
 */

#include <stdlib.h>
#include "avif/avif.h"

#define EXPORT(name) __attribute__((export_name(#name)))

static avifRGBImage rgb;

EXPORT(allocate) void *allocate(size_t bytes) { return malloc(bytes); }

/*
 * Decodes a file whose coded images have at most `pixels` pixels. Returns 0, or
 * the code of an error.
 */
EXPORT(decode) int decode(const uint8_t *file, size_t bytes, uint32_t pixels)
{
  avifResult result;
  avifDecoder *decoder = avifDecoderCreate();
  if (!decoder) return AVIF_RESULT_OUT_OF_MEMORY;
  decoder->maxThreads = 1;
  decoder->ignoreExif = AVIF_TRUE;
  decoder->ignoreXMP = AVIF_TRUE;
  decoder->imageSizeLimit = pixels;
  result = avifDecoderSetIOMemory(decoder, file, bytes);
  if (result == AVIF_RESULT_OK) result = avifDecoderParse(decoder);
  if (result == AVIF_RESULT_OK) result = avifDecoderNextImage(decoder);
  if (result != AVIF_RESULT_OK) return result;
  avifRGBImageSetDefaults(&rgb, decoder->image);
  rgb.depth = 8;
  result = avifRGBImageAllocatePixels(&rgb);
  if (result == AVIF_RESULT_OK) result = avifImageYUVToRGB(decoder->image, &rgb);
  return result;
}

/* The pixels, in rows without a gap. */
EXPORT(pixels) const uint8_t *pixels(void) { return rgb.pixels; }
EXPORT(width) uint32_t width(void) { return rgb.width; }
EXPORT(height) uint32_t height(void) { return rgb.height; }
