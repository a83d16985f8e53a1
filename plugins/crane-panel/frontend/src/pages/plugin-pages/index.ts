/** Pages that plugins add: described by data, or as a module. */

/** Make the pages of plugins known to the router and the navigation. */
export async function loadPluginPages(): Promise<void> {
  // Nothing yet.
}
