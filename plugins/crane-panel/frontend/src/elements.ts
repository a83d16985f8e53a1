/**
 * What of Element Plus nearly every page uses, with its styles.
 *
 * It comes with the first page, so whatever only some pages use is imported by those.
 */
import { ElButton } from 'element-plus'
import 'element-plus/es/components/base/style/css'
import 'element-plus/es/components/button/style/css'
import type { App } from 'vue'

const ELEMENTS = [ElButton]

/** Make the components known to all templates. */
export function useElements(app: App): void {
  for (const element of ELEMENTS) app.component(element.name!, element)
}

declare module 'vue' {
  interface GlobalComponents {
    ElButton: typeof ElButton
  }
}
