import { clamp, mix } from './angles.ts';

/** What part of the water is on the screen: north is up. */
export interface Camera {
  /** Metres, the middle of the view. */
  x: number;
  y: number;
  pixelsPerMetre: number;
}

export interface View {
  width: number;
  height: number;
}

/** Metres along the shorter side of the screen. */
const METRES_ACROSS = 88;

/** The scale for a screen: boats stay large enough on a phone and do not fill a desk. */
export function scaleFor({ width, height }: View): number {
  return clamp(Math.min(width, height) / METRES_ACROSS, 5, 10.5);
}

/** Moves the camera toward its target; `stiffness` is how much of the gap closes in a second (0 … many). */
export function follow(
  camera: Camera,
  target: { x: number; y: number },
  pixelsPerMetre: number,
  stiffness: number,
  elapsedMs: number,
): Camera {
  const share = 1 - Math.exp((-stiffness * elapsedMs) / 1000);
  return {
    x: mix(camera.x, target.x, share),
    y: mix(camera.y, target.y, share),
    pixelsPerMetre: mix(camera.pixelsPerMetre, pixelsPerMetre, share),
  };
}

/** Where a point of the water is on the screen, in CSS pixels. */
export function toScreen(camera: Camera, view: View, point: { x: number; y: number }): { x: number; y: number } {
  return {
    x: view.width / 2 + (point.x - camera.x) * camera.pixelsPerMetre,
    y: view.height / 2 - (point.y - camera.y) * camera.pixelsPerMetre,
  };
}

/** Which point of the water a place on the screen shows. */
export function toWater(camera: Camera, view: View, place: { x: number; y: number }): { x: number; y: number } {
  return {
    x: camera.x + (place.x - view.width / 2) / camera.pixelsPerMetre,
    y: camera.y - (place.y - view.height / 2) / camera.pixelsPerMetre,
  };
}

/** The nearest place within the margins, and whether the point had to be moved: for arrows at the screen's edge. */
export function clampToEdge(
  place: { x: number; y: number },
  view: View,
  margins: { top: number; right: number; bottom: number; left: number },
): { x: number; y: number; isOutside: boolean } {
  const x = clamp(place.x, margins.left, view.width - margins.right);
  const y = clamp(place.y, margins.top, view.height - margins.bottom);
  return { x, y, isOutside: x !== place.x || y !== place.y };
}
