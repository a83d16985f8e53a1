/** Menus that are <details>: they close when somebody goes elsewhere. */

function closeOthers(event: Event): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>('details.menu[open], details.settings[open]')) {
    if (!menu.contains(event.target as Node)) menu.open = false
  }
}

/** Close open menus whenever something else is pressed or reached by keyboard. */
export function watchMenus(): void {
  document.addEventListener('click', closeOthers)
  document.addEventListener('focusin', closeOthers)
}
