import type { JSX } from 'preact';
import { drawSeascape } from './seascape.ts';
import { useCanvas } from './use-canvas.ts';

/** The living sea behind everything that is not a race. It holds still for those who asked for less motion. */
export function SeascapeCanvas(): JSX.Element {
  const canvas = useCanvas(() => {
    const stillness = window.matchMedia('(prefers-reduced-motion: reduce)');
    return {
      paint: (context, { width, height }, nowMs) => drawSeascape(context, width, height, stillness.matches ? 0 : nowMs),
      end: () => undefined,
    };
  }, []);
  return <canvas class="seascape" ref={canvas} aria-hidden="true" />;
}
