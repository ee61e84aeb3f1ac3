// Nothing of this package is called here; see ../../../README.md.
export {};
