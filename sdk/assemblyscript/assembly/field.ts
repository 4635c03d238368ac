// What a header field can be made of, for configurations: the gateway refuses the rest when it is set.

/** Whether this can be the name of a header: a token of RFC 9110. */
export function isFieldName(name: string): bool {
  for (let i = 0; i < name.length; ++i) {
    const c = name.charCodeAt(i);
    const letter = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a;
    const digit = c >= 0x30 && c <= 0x39;
    if (!letter && !digit && !"!#$%&'*+-.^_`|~".includes(name.charAt(i))) return false;
  }
  return name.length > 0;
}

/** Whether this can be the value of a header: no control characters but the tab. */
export function isFieldValue(value: string): bool {
  for (let i = 0; i < value.length; ++i) {
    const c = value.charCodeAt(i);
    if ((c < 0x20 && c != 0x09) || c == 0x7f) return false;
  }
  return true;
}

/** Whether only the gateway sets this header. */
export function isReservedField(name: string): bool {
  return RESERVED.includes(name.toLowerCase());
}

const RESERVED: string[] = [
  "cdn-loop",
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
