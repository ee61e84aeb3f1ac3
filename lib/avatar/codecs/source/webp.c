/*
 * WebP for the picture service, over the decoder of libwebp: a still image,
 * scaled down where that is asked. One image at a time.
 */

#include <stdlib.h>
#include "src/webp/decode.h"

#define EXPORT(name) __attribute__((export_name(#name)))

/* The vector code for files without loss is slower here than the plain code. */
void VP8LDspInitSSE2(void) {}
void VP8LDspInitSSE41(void) {}

EXPORT(allocate) void *allocate(size_t bytes) { return malloc(bytes); }
EXPORT(release) void release(void *address) { free(address); }

/*
 * Decodes a file to `width` by `height` RGBA pixels. Returns 0, or the code of
 * an error.
 */
EXPORT(decode) int decode(const uint8_t *file, size_t bytes, uint8_t *rgba,
                          int width, int height)
{
  WebPDecoderConfig config;
  VP8StatusCode status;
  if (!WebPInitDecoderConfig(&config)) return -1;
  status = WebPGetFeatures(file, bytes, &config.input);
  if (status != VP8_STATUS_OK) return status;
  if (config.input.width != width || config.input.height != height) {
    config.options.use_scaling = 1;
    config.options.scaled_width = width;
    config.options.scaled_height = height;
  }
  config.output.colorspace = MODE_RGBA;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = rgba;
  config.output.u.RGBA.stride = width * 4;
  config.output.u.RGBA.size = (size_t)width * height * 4;
  status = WebPDecode(file, bytes, &config);
  WebPFreeDecBuffer(&config.output);
  return status;
}
