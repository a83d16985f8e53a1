/** Moments as they stand at a chart: as exactly as its span of time wants it, in the present language. */
import { computed } from 'vue'
import { language } from '../../words'

const formats = computed(() => {
  const tag = language.value
  const make = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => new Intl.DateTimeFormat(tag, { hourCycle: 'h23', ...options })
  return {
    second: make({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    minute: make({ hour: '2-digit', minute: '2-digit' }),
    day: make({ month: 'short', day: 'numeric' }),
    whole: make({ month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' }),
  }
})

const MINUTE = 60
const DAY = 86_400

/** Write a moment at an axis whose lines are some seconds apart. */
export function sayMoment(seconds: number, apart: number): string {
  const moment = new Date(seconds * 1000)
  const midnight = moment.getHours() === 0 && moment.getMinutes() === 0 && moment.getSeconds() === 0
  if (apart >= DAY || midnight) return formats.value.day.format(moment)
  return (apart < MINUTE ? formats.value.second : formats.value.minute).format(moment)
}

/** Write a moment of a span of some seconds, for a legend or a table: with its day where the span has several. */
export function sayPoint(seconds: number, span: number): string {
  return (span > DAY / 2 ? formats.value.whole : formats.value.second).format(new Date(seconds * 1000))
}
