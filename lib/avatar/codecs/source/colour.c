/*
 * ICC profiles for the picture service, over Little CMS: converts pixels from
 * an embedded profile to sRGB. One conversion at a time.
 */

#include <stdlib.h>
#include "lcms2.h"

#define EXPORT(name) __attribute__((export_name(#name)))

static cmsHTRANSFORM conversion;

EXPORT(allocate) void *allocate(size_t bytes) { return malloc(bytes); }

static int is_input(cmsHPROFILE profile, int channels)
{
  cmsProfileClassSignature kind = cmsGetDeviceClass(profile);
  if (kind != cmsSigInputClass && kind != cmsSigDisplayClass &&
      kind != cmsSigOutputClass && kind != cmsSigColorSpaceClass)
    return 0;
  return cmsGetColorSpace(profile) ==
         (channels == 4 ? cmsSigCmykData : cmsSigRgbData);
}

/*
 * Opens the profile for pixels of 3 RGB or 4 CMYK samples; CMYK as ink, 0 for
 * paper. Returns 0 if it cannot be used.
 */
EXPORT(open) int open_profile(const void *bytes, unsigned size, int channels)
{
  cmsHPROFILE from = cmsOpenProfileFromMem(bytes, size);
  cmsHPROFILE to;
  if (from == NULL) return 0;
  if (!is_input(from, channels)) {
    cmsCloseProfile(from);
    return 0;
  }
  to = cmsCreate_sRGBProfile();
  conversion = cmsCreateTransform(
    from,
    channels == 4 ? TYPE_CMYK_8 : TYPE_RGBA_8,
    to,
    channels == 3 ? TYPE_RGBA_8 : TYPE_RGB_8,
    INTENT_PERCEPTUAL,
    channels == 3 ? cmsFLAGS_COPY_ALPHA : 0);
  cmsCloseProfile(from);
  cmsCloseProfile(to);
  return conversion != NULL;
}

/* RGBA to RGBA for a profile of RGB, with the same alpha; CMYK to RGB. */
EXPORT(convert) void convert(const void *source, void *target, unsigned pixels)
{
  cmsDoTransform(conversion, source, target, pixels);
}
