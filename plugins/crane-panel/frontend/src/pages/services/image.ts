/** Names of images, as people read them. */

/** Return an image without the digest that pins its content. */
export function shortImage(image: string): string {
  const [name = '', digest] = image.split('@')
  return name === '' && digest ? image : name
}
