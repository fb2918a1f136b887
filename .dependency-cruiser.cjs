// What may import what, as docs/architecture.md draws it. Every folder of src is listed: an import
// that no line allows is an error, and so is a folder that is not here. Two files stand above them,
// for all: the version, and the encoding that the event store's protocol is written in.

/** Libraries without I/O, which pure code may use. */
const PURE = ['typebox', 'canonicalize', 'currency-codes', 'luxon', 'ajv', 'ajv-formats', 'uuid']
const PURE_BUILTINS = ['crypto', 'assert', 'buffer']

/** Folder by folder: the folders of src that it may import besides itself. */
const ALLOWED = {
  domain: [],
  commands: ['domain'],
  processes: ['domain'],
  projections: ['domain'],
  queries: ['domain', 'projections'],
  api: ['domain', 'commands', 'queries'],
  runtime: ['domain', 'commands', 'processes', 'projections', 'queries'],
  'event-store': [],
  local: ['event-store/serve'],
}

const LAYERS = Object.entries(ALLOWED).map(([folder, others]) => ({
  name: `${folder}-imports`,
  comment: `src/${folder} may import: ${['itself', ...others].join(', ')}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: {
    path: '^src/',
    pathNot: [folder, 'version', 'protobuf', ...others].map((name) => `^src/${name}[/.]`),
  },
}))

module.exports = {
  forbidden: [
    ...LAYERS,
    {
      name: 'pure-code-stays-pure',
      comment: 'No clock, randomness or I/O: only schemas, arithmetic and hashes',
      severity: 'error',
      // The writers of a book are the shell around its pure commands: they wait, and retry.
      from: {
        path: '^src/(domain|commands|processes|projections)/',
        pathNot: '^src/commands/book-writers?\\.ts$',
      },
      to: {
        pathNot: [
          '^src/',
          `^node_modules/(${PURE.join('|')})/`,
          `^node_modules/@types/(${PURE.join('|')})/`,
          `^(node:)?(${PURE_BUILTINS.join('|')})$`,
        ],
      },
    },
    {
      name: 'only-main-wires',
      comment: 'Nothing imports the composition root, and only it imports the subcommands',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main\\.ts|cli/)' },
      to: { path: '^src/(main\\.ts|cli/)' },
    },
    {
      name: 'known-folders-only',
      comment: 'A new folder of src has to say in .dependency-cruiser.cjs what it may import',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          `^src/(${Object.keys(ALLOWED).join('|')}|cli)/`,
          '^src/(main|version|protobuf)\\.ts$',
        ],
      },
      to: {},
    },
    {
      name: 'product-stands-alone',
      comment: 'src needs neither tests nor what is installed for development only',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(tests|bench|scripts)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-development-packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: '@types/' },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.json'],
    },
  },
}
