/** The components of Element Plus that the panel uses, with their styles; each is named here once. */
import {
  ElButton,
  ElCheckbox,
  ElConfigProvider,
  ElDialog,
  ElDropdown,
  ElDropdownItem,
  ElDropdownMenu,
  ElInput,
  ElInputNumber,
  ElOption,
  ElPopover,
  ElSelect,
  ElSwitch,
} from 'element-plus'
import 'element-plus/es/components/base/style/css'
import 'element-plus/es/components/button/style/css'
import 'element-plus/es/components/checkbox/style/css'
import 'element-plus/es/components/dialog/style/css'
import 'element-plus/es/components/dropdown/style/css'
import 'element-plus/es/components/input/style/css'
import 'element-plus/es/components/input-number/style/css'
import 'element-plus/es/components/popover/style/css'
import 'element-plus/es/components/select/style/css'
import 'element-plus/es/components/option/style/css'
import 'element-plus/es/components/switch/style/css'
import type { App } from 'vue'

const ELEMENTS = [
  ElButton,
  ElCheckbox,
  ElConfigProvider,
  ElDialog,
  ElDropdown,
  ElDropdownItem,
  ElDropdownMenu,
  ElInput,
  ElInputNumber,
  ElOption,
  ElPopover,
  ElSelect,
  ElSwitch,
]

/** Make the components known to all templates. */
export function useElements(app: App): void {
  for (const element of ELEMENTS) app.component(element.name!, element)
}

declare module 'vue' {
  interface GlobalComponents {
    ElButton: typeof ElButton
    ElCheckbox: typeof ElCheckbox
    ElConfigProvider: typeof ElConfigProvider
    ElDialog: typeof ElDialog
    ElDropdown: typeof ElDropdown
    ElDropdownItem: typeof ElDropdownItem
    ElDropdownMenu: typeof ElDropdownMenu
    ElInput: typeof ElInput
    ElInputNumber: typeof ElInputNumber
    ElOption: typeof ElOption
    ElPopover: typeof ElPopover
    ElSelect: typeof ElSelect
    ElSwitch: typeof ElSwitch
  }
}
