/**
 * Fields of forms, with their labels and hints.
 *
 * @module
 */

import type { ComponentChildren, InputHTMLAttributes } from "preact";

interface Described {
  /** Name of the field; also the id of its element. */
  readonly name: string;
  readonly label: ComponentChildren;
  /** Small text below, which screen readers read with the field. */
  readonly hint?: ComponentChildren;
}

/** Attributes of an `input`; each type of it has its own. */
type Attributes<Input = InputHTMLAttributes<HTMLInputElement>> = Input extends
  unknown ? Omit<Input, keyof Described | "id"> : never;

/** A field of one line. */
export function TextField(
  { label, hint, ...input }: Described & Attributes,
) {
  const { name } = input;
  return (
    <p class="field">
      <label for={name}>{label}</label>
      <input id={name} {...input} aria-describedby={hintId(name, hint)} />
      <Hint name={name} hint={hint} />
    </p>
  );
}

/** A field that takes a name or an address, which no browser should correct. */
export function NameField(props: Described & Attributes) {
  return (
    <TextField
      maxLength={2048}
      autocomplete="off"
      autocapitalize="none"
      spellcheck={false}
      {...props}
    />
  );
}

/** The field into which one types `what` to confirm that it is to be deleted. */
export function ConfirmField({ what, value }: { what: string; value: string }) {
  return (
    <NameField
      name="confirm"
      label={`To confirm, type ${what}`}
      value={value}
      required
    />
  );
}

/** A choice of one value; texts are the values unless given. */
export function SelectField<Value extends string | number>(
  { name, label, values, chosen, textOf = String }: {
    name: string;
    label: string;
    values: readonly Value[];
    chosen: Value;
    textOf?: (value: Value) => string;
  },
) {
  return (
    <p class="field">
      <label for={name}>{label}</label>
      <select id={name} name={name}>
        {values.map((value) => (
          <option key={value} value={value} selected={value === chosen}>
            {textOf(value)}
          </option>
        ))}
      </select>
    </p>
  );
}

/** A box to tick, with a text of one paragraph. */
export function CheckField(
  { name, value = "yes", checked, hint, children }: {
    name: string;
    value?: string;
    checked: boolean;
    hint?: ComponentChildren;
    children: ComponentChildren;
  },
) {
  return (
    <p class="field check">
      <label>
        <input
          type="checkbox"
          name={name}
          value={value}
          checked={checked}
          aria-describedby={hintId(name, hint)}
        />
        <span>{children}</span>
      </label>
      <Hint name={name} hint={hint} />
    </p>
  );
}

/** A box to tick that stands in a list of several. */
export function CheckItem(
  { name, value = "yes", checked, children }: {
    name: string;
    value?: string;
    checked: boolean;
    children: ComponentChildren;
  },
) {
  return (
    <label>
      <input type="checkbox" name={name} value={value} checked={checked} />
      <span>{children}</span>
    </label>
  );
}

function Hint({ name, hint }: Pick<Described, "name" | "hint">) {
  return hint === undefined
    ? null
    : <small id={hintId(name, hint)}>{hint}</small>;
}

function hintId(name: string, hint: ComponentChildren): string | undefined {
  return hint === undefined ? undefined : `${name}-hint`;
}
