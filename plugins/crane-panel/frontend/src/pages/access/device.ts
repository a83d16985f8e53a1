/** What a browser or a program says of itself, in few words. */

const PROGRAMS: [RegExp, string][] = [
  [/\bEdgA?\/[\d.]+/, 'Edge'],
  [/\bOPR\/[\d.]+/, 'Opera'],
  [/\b(?:Firefox|FxiOS)\/[\d.]+/, 'Firefox'],
  [/\b(?:HeadlessChrome|Chromium|Chrome|CriOS)\/[\d.]+/, 'Chrome'],
  [/\bVersion\/[\d.]+.*Safari/, 'Safari'],
]
const SYSTEMS: [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux|X11/, 'Linux'],
]

/** Name the program and the system of a User-Agent; what is not known is named as it names itself. */
export function deviceOf(agent: string): string {
  const program = PROGRAMS.find(([pattern]) => pattern.test(agent))?.[1]
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1]
  if (program) return system ? `${program} · ${system}` : program
  return agent.split(' ')[0]?.slice(0, 60) ?? ''
}
