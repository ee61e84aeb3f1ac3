/**
 * CAR files as responses.
 *
 * @module
 */

/** A CAR file. */
export function car(body: BodyInit): Response {
  return new Response(body, {
    headers: { "content-type": "application/vnd.ipld.car" },
  });
}
