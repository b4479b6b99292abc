import { ahead } from '../race/angles.ts';
import { toScreen } from '../race/camera.ts';
import type { Camera, View } from '../race/camera.ts';
import type { SampledBoat } from '../race/interpolation.ts';
import { BOAT_METRES } from './boat-painter.ts';

const WAKE_LASTS_MS = 3600;
const POINT_EVERY_MS = 90;
const MAX_POINTS = Math.ceil(WAKE_LASTS_MS / POINT_EVERY_MS) + 2;

interface WakePoint {
  x: number;
  y: number;
  /** Square to the way, east and north. */
  side: { x: number; y: number };
  speed: number;
  bornMs: number;
}

/** The foam each boat leaves: a bright trail astern that widens and fades. */
export class Wakes {
  readonly #trails = new Map<number, WakePoint[]>();

  /** Notes where the boats are; called on every frame. Boats that are gone lose their wake. */
  note(boats: SampledBoat[], nowMs: number): void {
    for (const boat of this.#trails.keys()) {
      if (!boats.some((present) => present.boat === boat)) this.#trails.delete(boat);
    }
    for (const boat of boats) {
      const trail = this.#trails.get(boat.boat) ?? [];
      this.#trails.set(boat.boat, trail);
      while (trail[0] !== undefined && nowMs - trail[0].bornMs > WAKE_LASTS_MS) trail.shift();
      const last = trail.at(-1);
      if (last !== undefined && nowMs - last.bornMs < POINT_EVERY_MS) continue;
      const stern = ahead(boat, boat.headingDegrees + 180, BOAT_METRES * 0.4);
      const side = ahead({ x: 0, y: 0 }, boat.headingDegrees + 90, 1);
      trail.push({ ...stern, side, speed: boat.speed, bornMs: nowMs });
      if (trail.length > MAX_POINTS) trail.shift();
    }
  }

  paint(context: CanvasRenderingContext2D, camera: Camera, view: View, nowMs: number): void {
    context.lineCap = 'round';
    context.strokeStyle = '#e6f6f7';
    for (const trail of this.#trails.values()) {
      for (let index = 1; index < trail.length; index++) {
        const from = trail[index - 1];
        const to = trail[index];
        if (from !== undefined && to !== undefined) paintPiece(context, camera, view, from, to, nowMs);
      }
    }
    context.globalAlpha = 1;
  }
}

function paintPiece(
  context: CanvasRenderingContext2D,
  camera: Camera,
  view: View,
  from: WakePoint,
  to: WakePoint,
  nowMs: number,
): void {
  const fresh = Math.max(0, 1 - (nowMs - to.bornMs) / WAKE_LASTS_MS);
  const strength = fresh * Math.min(1, to.speed / 5);
  if (strength < 0.02) return;
  const spread = (point: WakePoint): number => 0.5 + ((nowMs - point.bornMs) / 1000) * 0.75;
  line(
    context,
    camera,
    view,
    from,
    to,
    0,
    0,
    strength * strength * 0.42,
    camera.pixelsPerMetre * 1.5 * (1.25 - fresh * 0.6),
  );
  for (const side of [-1, 1]) {
    line(context, camera, view, from, to, side * spread(from), side * spread(to), strength * 0.55, 1 + fresh * 1.6);
  }
}

function line(
  context: CanvasRenderingContext2D,
  camera: Camera,
  view: View,
  from: WakePoint,
  to: WakePoint,
  fromOut: number,
  toOut: number,
  alpha: number,
  width: number,
): void {
  const a = toScreen(camera, view, { x: from.x + from.side.x * fromOut, y: from.y + from.side.y * fromOut });
  const b = toScreen(camera, view, { x: to.x + to.side.x * toOut, y: to.y + to.side.y * toOut });
  context.globalAlpha = alpha;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(a.x, a.y);
  context.lineTo(b.x, b.y);
  context.stroke();
}
