/** Bounds of users' regular expressions (RE2), which checks and proxies share. */

/** Characters. */
export const LONGEST_REGEX = 1024;

/** Instructions of the compiled expression. Envoy's own bound is 100, which `.{1,256}` goes beyond; Istio's proxies have this one. */
export const LARGEST_PROGRAM = 32_768;
