export default {
  testEnvironment: 'node',
  // Most tests wait for something more than they compute: one worker a core, not one less. With more the browser starves.
  maxWorkers: '100%',
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: [
    '<rootDir>/{lib,allocator,gateway,server,local,client,web,fleets,bench,test}/**/*.test.ts',
    // Against a local of their own; `npm run conformance -- --kubeconfig FILE` runs the same on real Agones.
    '<rootDir>/test/conformance/cases/*.conformance.ts',
  ],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
};
