/** Return the time of a stamp on this machine's clock, to the millisecond. */
export function clock(stamp: string): string {
  const moment = new Date(`${stamp.slice(0, 23)}Z`)
  if (Number.isNaN(moment.getTime())) return stamp.slice(11, 23)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}.${stamp.slice(20, 23)}`
}
