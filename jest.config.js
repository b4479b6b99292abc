import { availableParallelism } from 'node:os';

export default {
  testEnvironment: 'node',
  // Most tests wait for something more than they compute: with a worker a core half of each core is idle.
  maxWorkers: Math.ceil(1.5 * availableParallelism()),
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
