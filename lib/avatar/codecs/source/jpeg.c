/*
 * JPEG for the picture service, over libjpeg-turbo: decodes row by row at 1/8,
 * 1/4, 1/2 or full size, and encodes. One image at a time. An error calls
 * `fail`, which does not return: the host throws and drops the instance.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "jpeglib.h"
#include "jerror.h"

#define EXPORT(name) __attribute__((export_name(#name)))

__attribute__((import_module("env"), import_name("fail"))) _Noreturn void
fail(int code);

/* What the decoder reads of files that end too early. */
static const JOCTET END[2] = { 0xff, JPEG_EOI };

static struct jpeg_error_mgr errors;
static struct jpeg_source_mgr source;
static struct jpeg_decompress_struct image;

static void on_error(j_common_ptr info) { fail(info->err->msg_code); }
static void ignore(j_common_ptr info) { (void)info; }
static void ignore_message(j_common_ptr info, int level)
{
  if (level < 0) info->err->num_warnings++;
}
static void no_text(j_common_ptr info, char *buffer)
{
  (void)info;
  buffer[0] = 0;
}
static void reset(j_common_ptr info)
{
  info->err->num_warnings = 0;
  info->err->msg_code = 0;
}

static struct jpeg_error_mgr *quiet_errors(void)
{
  memset(&errors, 0, sizeof(errors));
  errors.error_exit = on_error;
  errors.output_message = ignore;
  errors.emit_message = ignore_message;
  errors.format_message = no_text;
  errors.reset_error_mgr = reset;
  return &errors;
}

static void no_source(j_decompress_ptr info) { (void)info; }
static boolean end_of_file(j_decompress_ptr info)
{
  info->src->next_input_byte = END;
  info->src->bytes_in_buffer = sizeof(END);
  return TRUE;
}
static void skip_bytes(j_decompress_ptr info, long count)
{
  if (count <= 0) return;
  if ((size_t)count > info->src->bytes_in_buffer) {
    end_of_file(info);
    return;
  }
  info->src->next_input_byte += count;
  info->src->bytes_in_buffer -= count;
}

EXPORT(allocate) void *allocate(size_t bytes) { return malloc(bytes); }
EXPORT(release) void release(void *address) { free(address); }

/* Opens a file at `eighths` of its size; returns the bytes of a pixel: 1 gray, 3 RGB, 4 CMYK. */
EXPORT(open) int open_file(const JOCTET *bytes, size_t size, unsigned eighths)
{
  memset(&image, 0, sizeof(image));
  image.err = quiet_errors();
  jpeg_create_decompress(&image);
  source.next_input_byte = bytes;
  source.bytes_in_buffer = size;
  source.init_source = no_source;
  source.fill_input_buffer = end_of_file;
  source.skip_input_data = skip_bytes;
  source.resync_to_restart = jpeg_resync_to_restart;
  source.term_source = no_source;
  image.src = &source;
  jpeg_read_header(&image, TRUE);
  image.out_color_space = image.num_components == 1 ? JCS_GRAYSCALE
                        : image.num_components == 4 ? JCS_CMYK
                        : JCS_RGB;
  image.scale_num = eighths;
  image.scale_denom = 8;
  image.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&image);
  return image.output_components;
}

EXPORT(width) unsigned width(void) { return image.output_width; }
EXPORT(height) unsigned height(void) { return image.output_height; }
/* Whether the samples of CMYK are stored inverted, as Adobe's programs do. */
EXPORT(isAdobe) int is_adobe(void) { return image.saw_Adobe_marker; }

/* Skips rows; returns how many. */
EXPORT(skip) unsigned skip(unsigned rows)
{
  return jpeg_skip_scanlines(&image, rows);
}

/* Decodes up to `rows` rows to `target`; returns how many. */
EXPORT(read) unsigned read_rows(JSAMPLE *target, unsigned rows)
{
  size_t stride = (size_t)image.output_width * image.output_components;
  unsigned done = 0;
  while (done < rows && image.output_scanline < image.output_height) {
    JSAMPROW row = target + done * stride;
    if (jpeg_read_scanlines(&image, &row, 1) == 0) break;
    done++;
  }
  return done;
}

EXPORT(close) void close_file(void) { jpeg_destroy_decompress(&image); }

static unsigned char *file;
static unsigned long file_size;

/* Encodes RGBA pixels, whose alpha is ignored; returns the file, to be released. */
EXPORT(encode) unsigned char *encode(JSAMPLE *rgba, unsigned width,
                                     unsigned height, int quality,
                                     int full_chroma)
{
  struct jpeg_compress_struct out;
  memset(&out, 0, sizeof(out));
  out.err = quiet_errors();
  jpeg_create_compress(&out);
  file = NULL;
  file_size = 0;
  jpeg_mem_dest(&out, &file, &file_size);
  out.image_width = width;
  out.image_height = height;
  out.input_components = 4;
  out.in_color_space = JCS_EXT_RGBX;
  jpeg_set_defaults(&out);
  jpeg_set_quality(&out, quality, TRUE);
  out.optimize_coding = TRUE;
  out.dct_method = JDCT_ISLOW;
  if (full_chroma) {
    out.comp_info[0].h_samp_factor = 1;
    out.comp_info[0].v_samp_factor = 1;
  }
  jpeg_start_compress(&out, TRUE);
  while (out.next_scanline < height) {
    JSAMPROW row = rgba + (size_t)out.next_scanline * width * 4;
    jpeg_write_scanlines(&out, &row, 1);
  }
  jpeg_finish_compress(&out);
  jpeg_destroy_compress(&out);
  return file;
}

/* Size of the file that `encode` returned, in bytes. */
EXPORT(encodedBytes) unsigned long encoded_bytes(void) { return file_size; }
