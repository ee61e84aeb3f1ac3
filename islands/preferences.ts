/**
 * Stores a choice of the visitor as the form around it would.
 *
 * @module
 */
/// <reference lib="dom" />

/** Posts one field to the address of the form; a failure only means that the choice is not kept. */
export async function keep(name: string, value: string): Promise<void> {
  try {
    await fetch("/preferences", {
      method: "POST",
      body: new URLSearchParams({ [name]: value }),
      redirect: "manual",
    });
  } catch {
    // The page shows the choice already.
  }
}
