import type { Container } from '../../lib/agones.ts';
import type { Pod } from '../controllers/pods.ts';
import type { ProcessExit } from './process-group.ts';
import type { Program } from './program.ts';

/** A process that ended by itself. */
export interface ProgramEnd {
  pod: Pod;
  container: Container;
  program: Program;
  exit: ProcessExit;
  ranMs: number;
}
