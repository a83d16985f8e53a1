/** What is typed, and has to wait: no more is sent ahead than the program takes. */
import { MESSAGE } from './wire'

/** So many bytes are sent that the program has not taken yet. */
const WINDOW = 256 * 1024

export class Typing {
  private sent = 0
  private taken = 0
  private waiting: Uint8Array[] = []

  /** Take something that was typed, in pieces that fit into a message. */
  add(data: Uint8Array): void {
    for (let start = 0; start < data.length; start += MESSAGE) this.waiting.push(data.slice(start, start + MESSAGE))
  }

  /** Go on from what the server has received. */
  begin(received: number, taken: number): void {
    this.sent = received
    this.taken = taken
  }

  /** Remember how many bytes the program has taken. */
  took(bytes: number): void {
    this.taken = bytes
  }

  /** Return the pieces that may be sent now. */
  *due(): Generator<Uint8Array, void> {
    while (this.waiting.length > 0 && this.sent - this.taken < WINDOW) {
      const data = this.waiting.shift()!
      this.sent += data.length
      yield data
    }
  }
}
