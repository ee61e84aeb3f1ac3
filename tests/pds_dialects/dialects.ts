/**
 * How PDSes of different makes answer, as public reports describe them. They
 * agree on what they do and differ in statuses, names of errors, limits, and in
 * what they write for what is absent.
 *
 * @module
 */

/** An error response. */
export interface Refusal {
  readonly status: number;
  /** Name of the error; none in the body if undefined. */
  readonly error: string | undefined;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The manners of one kind of PDS. */
export interface Dialect {
  readonly wrongPassword: Refusal;
  /** For an access token that has expired or is not known. */
  readonly staleToken: Refusal;
  /** For a create of a record that exists, and an update or delete of one that does not. */
  readonly conflict: Refusal;
  /** For `deleteRecord` of a missing record; undefined succeeds, as the lexicon says. */
  readonly missingOnDelete: Refusal | undefined;
  /** What stands for an absent cursor or status. */
  readonly absent: undefined | null | "";
  /** Largest JSON body of a write, in bytes. */
  readonly jsonLimit: number;
  /** Every second write is refused for a second first. */
  readonly isOverloaded: boolean;
  /** Status of all accounts. */
  readonly accounts: "active" | "deactivated" | "takendown";
  /** For a login to an account that is not active; undefined opens an inactive session. */
  readonly inactiveLogin: Refusal | undefined;
}

const reference: Dialect = {
  wrongPassword: {
    status: 401,
    error: "AuthenticationRequired",
    message: "Invalid identifier or password",
  },
  staleToken: { status: 400, error: "ExpiredToken" },
  conflict: { status: 500, error: "InternalServerError" },
  missingOnDelete: undefined,
  absent: undefined,
  jsonLimit: 1_000_000,
  isOverloaded: false,
  accounts: "active",
  inactiveLogin: undefined,
};

/** All dialects by name. */
export const DIALECTS = {
  reference,
  cocoon: {
    ...reference,
    wrongPassword: { status: 400, error: "InvalidRequest" },
    staleToken: { status: 400, error: "InvalidToken" },
    conflict: { status: 400, error: "RecordAlreadyExists" },
    absent: null,
    jsonLimit: 150 * 1024,
  },
  rsky: {
    ...reference,
    wrongPassword: {
      status: 400,
      error: "InvalidRequest",
      message: "Invalid identifier or password",
    },
    staleToken: { status: 401, error: "InvalidToken" },
    conflict: { status: 404, error: "RecordNotFound" },
    missingOnDelete: { status: 404, error: "RecordNotFound" },
    absent: null,
    jsonLimit: 150 * 1024,
  },
  tranquil: {
    ...reference,
    wrongPassword: { status: 401, error: undefined },
    staleToken: { status: 401, error: "ExpiredToken" },
    missingOnDelete: { status: 400, error: "RecordNotFound" },
    absent: "",
  },
  overloaded: { ...reference, isOverloaded: true },
  // An account that moves from here to the reference PDS.
  moved: reference,
  deactivated: { ...reference, accounts: "deactivated" },
  takendown: {
    ...reference,
    accounts: "takendown",
    inactiveLogin: { status: 400, error: "AccountTakendown" },
  },
} as const satisfies Record<string, Dialect>;

/** Name of a dialect. */
export type DialectName = keyof typeof DIALECTS;
