import { useEffect, useRef } from 'preact/hooks';
import type { Ref } from 'preact';
import type { View } from '../race/camera.ts';

/** More pixels than this for each CSS pixel are not seen and cost time. */
const MAX_PIXEL_RATIO = 2;

/** One frame: `view` is in CSS pixels, and so is what is drawn. */
export type Paint = (context: CanvasRenderingContext2D, view: View, nowMs: number, elapsedMs: number) => void;

/**
 * A canvas that is as large as its box and painted on every frame.
 *
 * @param begin called with the canvas once it is on the page; gives what paints, and what ends it
 * @param dependencies begins anew when one of these changes
 */
export function useCanvas(
  begin: (canvas: HTMLCanvasElement, context: CanvasRenderingContext2D) => { paint: Paint; end: () => void },
  dependencies: readonly unknown[],
): Ref<HTMLCanvasElement> {
  const canvasRef = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = canvasRef.current;
    const context = canvas?.getContext('2d', { alpha: false });
    if (canvas === null || context === null || context === undefined) return undefined;
    const { paint, end } = begin(canvas, context);
    let lastMs = performance.now();
    const onFrame = (): void => {
      frame = requestAnimationFrame(onFrame);
      const nowMs = performance.now();
      paint(context, fit(canvas, context), nowMs, Math.min(100, nowMs - lastMs));
      lastMs = nowMs;
    };
    let frame = requestAnimationFrame(onFrame);
    return () => {
      cancelAnimationFrame(frame);
      end();
    };
  }, dependencies);
  return canvasRef;
}

function fit(canvas: HTMLCanvasElement, context: CanvasRenderingContext2D): View {
  const ratio = Math.min(MAX_PIXEL_RATIO, window.devicePixelRatio);
  const view = { width: canvas.clientWidth, height: canvas.clientHeight };
  const width = Math.round(view.width * ratio);
  const height = Math.round(view.height * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return view;
}
