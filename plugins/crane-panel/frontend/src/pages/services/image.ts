/** Names of images, as people read them. */

/** Return an image without the digest that pins its content. */
export function shortImage(image: string): string {
  const [name = '', digest] = image.split('@')
  return name === '' && digest ? image : name
}

/** Return an image in two parts, so that its tag can be seen where there is no room for all of it. */
export function imageParts(image: string): [path: string, tag: string] {
  const short = shortImage(image)
  const colon = short.lastIndexOf(':')
  // A colon before the last slash is that of a port.
  return colon > short.lastIndexOf('/') ? [short.slice(0, colon), short.slice(colon)] : [short, '']
}
