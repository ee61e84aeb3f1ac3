/**
 * Lint rule `house/network`: the program uses the network only through injected
 * functions, never through those of the runtime. The guarded fetch is the
 * boundary against requests to internal addresses, so nothing may bypass it.
 *
 * @module
 */

/** Globals and imports that open connections. */
const GLOBALS = new Set([
  ...["fetch", "WebSocket", "EventSource", "XMLHttpRequest", "WebSocketStream"],
]);
const DENO_CALLS =
  /^(connect|connectTls|connectQuic|startTls|createHttpClient)$/;
const MODULES =
  /^(node:)?(net|tls|http|https|http2|dgram)$|^(ws|undici|node-fetch)$/;

/** What is allowed, by file: each name on its own, so that no file is exempt as a whole. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  // The transport under the guarded fetch.
  "lib/net/http_transport.ts": ["node:http", "node:https"],
  // Follows the servers that the operator configures.
  "lib/atproto/jetstream/jetstream.ts": ["ws"],
  // Asks addresses of the operator's own configuration.
  "cli/operator_fetch.ts": ["fetch"],
  // A program of its own, which runs on the user's machine.
  "cli/docker-credential-atcr/machine.ts": ["fetch"],
  // Listening, not connecting.
  "routes/server/serve.ts": ["node:http"],
  "routes/server/node_response.ts": ["node:http"],
  "routes/xrpc/com.atproto.sync/event_socket.ts": ["ws"],
  // Connects to its own listener.
  "routes/server/listener_check.ts": ["node:net"],
};

/** Imports of a module that only name types or look at text open nothing. */
const HARMLESS = new Set(["isIP", "isIPv4", "isIPv6"]);

const HINT =
  "Take a fetch as a dependency: lib/context.ts passes the guarded fetch on.";

/** Node of the syntax tree, as far as it is looked at. */
type Node = Deno.lint.Node;

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    network: {
      create(context) {
        const path = context.filename.replaceAll("\\", "/")
          .replace(
            /^.*?\/(?=(?:lib|routes|cli)\/(?!.*\/(?:lib|routes|cli)\/))/,
            "",
          );
        const isProduct = /^(lib|routes|cli)\//.test(path) &&
          !/(_test|\/testing\w*)\.tsx?$/.test(path);
        if (!isProduct) return {};
        const allowed = ALLOWED[path] ?? [];
        const report = (node: Node, name: string) => {
          if (allowed.includes(name)) return;
          context.report({
            node,
            message: `${name} goes around the guarded fetch`,
            hint: HINT,
          });
        };
        return {
          Identifier(node) {
            if (!GLOBALS.has(node.name) || !isReference(node)) return;
            const ancestors = context.sourceCode.getAncestors(node);
            if (!isBound(node.name, ancestors)) report(node, node.name);
          },
          MemberExpression({ object, property, computed }) {
            if (object.type !== "Identifier") return;
            const name = !computed && property.type === "Identifier"
              ? property.name
              : property.type === "Literal"
              ? String(property.value)
              : "";
            const isGlobal = /^(globalThis|window|self)$/.test(object.name) &&
              GLOBALS.has(name);
            const isDeno = object.name === "Deno" && DENO_CALLS.test(name);
            if (isGlobal || isDeno) report(property, name);
          },
          ImportDeclaration(node) {
            const module = node.source.value;
            if (!MODULES.test(module) || node.importKind === "type") return;
            const isHarmless = node.specifiers.length > 0 &&
              node.specifiers.every((one) =>
                one.type === "ImportSpecifier" &&
                (one.importKind === "type" ||
                  (one.imported.type === "Identifier" &&
                    HARMLESS.has(one.imported.name)))
              );
            if (!isHarmless) report(node, module);
          },
        };
      },
    },
  },
};

/** Whether the identifier is read, and not the name of a member, a key or a type. */
function isReference(node: Deno.lint.Identifier): boolean {
  const { parent } = node;
  switch (parent.type) {
    case "MemberExpression":
      return parent.object === node || parent.computed;
    case "Property":
      // A key of an object or pattern; shorthands are seen as the value too.
      return parent.value === node && parent.parent.type !== "ObjectPattern";
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSTypeReference":
    case "TSTypeQuery":
    case "TSQualifiedName":
    case "ImportSpecifier":
    case "LabeledStatement":
      return false;
    default:
      return true;
  }
}

/** Whether something around the reference declares `name`. */
function isBound(name: string, ancestors: readonly Node[]): boolean {
  return ancestors.some((scope) => {
    switch (scope.type) {
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        return scope.params.some((parameter) =>
          parameter.type !== "TSParameterProperty" && declares(parameter, name)
        );
      case "Program":
      case "BlockStatement":
        return scope.body.some((statement) => declares(statement, name));
      default:
        return false;
    }
  });
}

/** Whether a parameter, pattern or statement introduces `name`. */
function declares(node: Node | null, name: string): boolean {
  switch (node?.type) {
    case "Identifier":
      return node.name === name;
    case "ObjectPattern":
      return node.properties.some((one) =>
        declares(one.type === "Property" ? one.value : one.argument, name)
      );
    case "ArrayPattern":
      return node.elements.some((one) => declares(one, name));
    case "AssignmentPattern":
      return declares(node.left, name);
    case "RestElement":
      return declares(node.argument, name);
    case "VariableDeclaration":
      return node.declarations.some(({ id }) => declares(id, name));
    case "FunctionDeclaration":
      return node.id?.name === name;
    case "ExportNamedDeclaration":
      return declares(node.declaration, name);
    case "ImportDeclaration":
      return node.specifiers.some(({ local }) => local.name === name);
    default:
      return false;
  }
}

export default plugin;
