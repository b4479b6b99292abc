import { toRadians } from '../race/angles.ts';
import { toScreen } from '../race/camera.ts';
import type { Camera, View } from '../race/camera.ts';
import { PALETTE } from './palette.ts';
import { seamlessNoise, seededRandom } from './water-tile.ts';

const TILE_PIXELS = 256;
/** How much water one tile covers. */
const RIPPLE_METRES = 46;
const GUST_METRES = 190;
const STREAKS = 70;
const WAVELET_CELL_METRES = 9;

interface Wind {
  fromDegrees: number;
  speed: number;
}

interface Streak {
  /** In shares of the view and a margin, so that they wrap around. */
  x: number;
  y: number;
  length: number;
  alpha: number;
}

/** The sea: depth, ripples, gusts that darken it as they pass, streaks of foam down the wind and little waves. */
export class Water {
  readonly #ripples: HTMLCanvasElement;
  readonly #gusts: HTMLCanvasElement;
  readonly #streaks: Streak[];
  /** How far the wind has blown, in metres east and north: what gusts and streaks move by. */
  #blown = { x: 0, y: 0 };
  #lastMs: number | undefined;

  constructor() {
    this.#ripples = tile(seamlessNoise(TILE_PIXELS, 8, 3, 7), (height) => {
      const crest = Math.max(0, 1 - Math.abs(height - 0.52) * 14);
      return [210, 240, 245, crest * 46];
    });
    this.#gusts = tile(seamlessNoise(TILE_PIXELS, 4, 3, 21), (height) => {
      const dark = Math.max(0, height - 0.5) * 3.2;
      const light = Math.max(0, 0.46 - height) * 2.2;
      return dark > 0 ? [3, 22, 40, Math.min(1, dark) * 120] : [120, 214, 222, Math.min(1, light) * 62];
    });
    const random = seededRandom(3);
    this.#streaks = Array.from({ length: STREAKS }, () => ({
      x: random(),
      y: random(),
      length: 4 + random() * 9,
      alpha: 0.05 + random() * 0.16,
    }));
  }

  /** Paints the whole view. With `isStill` nothing moves by itself. */
  paint(
    context: CanvasRenderingContext2D,
    camera: Camera,
    view: View,
    wind: Wind,
    nowMs: number,
    isStill: boolean,
  ): void {
    this.#blow(wind, nowMs, isStill);
    const depth = context.createLinearGradient(0, 0, view.width * 0.35, view.height);
    depth.addColorStop(0, '#147092');
    depth.addColorStop(0.55, PALETTE.sea);
    depth.addColorStop(1, '#0b4868');
    context.fillStyle = depth;
    context.fillRect(0, 0, view.width, view.height);
    this.#lay(context, this.#gusts, GUST_METRES, camera, view, 0.55);
    this.#lay(context, this.#ripples, RIPPLE_METRES, camera, view, 0.12);
    this.#lay(context, this.#ripples, RIPPLE_METRES * 2.3, camera, view, 0.2);
    paintWavelets(context, camera, view, wind, isStill ? 0 : nowMs);
    this.#paintStreaks(context, camera, view, wind);
  }

  #blow(wind: Wind, nowMs: number, isStill: boolean): void {
    const elapsedMs = isStill ? 0 : Math.min(100, nowMs - (this.#lastMs ?? nowMs));
    this.#lastMs = nowMs;
    const metres = (wind.speed * elapsedMs) / 1000;
    this.#blown = {
      x: this.#blown.x - Math.sin(toRadians(wind.fromDegrees)) * metres,
      y: this.#blown.y - Math.cos(toRadians(wind.fromDegrees)) * metres,
    };
  }

  /** Covers the view with a tile that drifts with a share of the wind. */
  #lay(
    context: CanvasRenderingContext2D,
    source: HTMLCanvasElement,
    metres: number,
    camera: Camera,
    view: View,
    drift: number,
  ): void {
    const pattern = context.createPattern(source, 'repeat');
    if (pattern === null) return;
    const scale = (metres * camera.pixelsPerMetre) / TILE_PIXELS;
    const origin = toScreen(camera, view, { x: this.#blown.x * drift, y: this.#blown.y * drift });
    pattern.setTransform(new DOMMatrix().translate(origin.x, origin.y).scale(scale));
    context.fillStyle = pattern;
    context.fillRect(0, 0, view.width, view.height);
  }

  #paintStreaks(context: CanvasRenderingContext2D, camera: Camera, view: View, wind: Wind): void {
    const { pixelsPerMetre } = camera;
    const along = { x: -Math.sin(toRadians(wind.fromDegrees)), y: Math.cos(toRadians(wind.fromDegrees)) };
    const field = { width: view.width + 240, height: view.height + 240 };
    context.lineCap = 'round';
    context.strokeStyle = PALETTE.foam;
    for (const streak of this.#streaks) {
      const pace = 0.75 + streak.alpha * 2;
      const x = wrap(streak.x * field.width + (this.#blown.x * pace - camera.x) * pixelsPerMetre, field.width) - 120;
      const y = wrap(streak.y * field.height - (this.#blown.y * pace - camera.y) * pixelsPerMetre, field.height) - 120;
      const length = streak.length * pixelsPerMetre * (0.35 + wind.speed / 12);
      context.globalAlpha = streak.alpha;
      context.lineWidth = 1 + streak.alpha * 5;
      context.beginPath();
      context.moveTo(x, y);
      context.quadraticCurveTo(
        x + along.x * length * 0.5 - along.y * 4,
        y + along.y * length * 0.5 + along.x * 4,
        x + along.x * length,
        y + along.y * length,
      );
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}

/** Little crests square to the wind, each in its cell of the sea, that come and go. */
function paintWavelets(context: CanvasRenderingContext2D, camera: Camera, view: View, wind: Wind, nowMs: number): void {
  const { pixelsPerMetre } = camera;
  const across = toRadians(wind.fromDegrees + 90);
  const halfWidth = view.width / 2 / pixelsPerMetre;
  const halfHeight = view.height / 2 / pixelsPerMetre;
  const firstColumn = Math.floor((camera.x - halfWidth) / WAVELET_CELL_METRES);
  const lastColumn = Math.ceil((camera.x + halfWidth) / WAVELET_CELL_METRES);
  const firstRow = Math.floor((camera.y - halfHeight) / WAVELET_CELL_METRES);
  const lastRow = Math.ceil((camera.y + halfHeight) / WAVELET_CELL_METRES);
  context.strokeStyle = PALETTE.foam;
  context.lineWidth = 1.4;
  context.lineCap = 'round';
  for (let column = firstColumn; column <= lastColumn; column++) {
    for (let row = firstRow; row <= lastRow; row++) {
      const chance = cellChance(column, row);
      const alpha = Math.sin(nowMs / 900 + chance * 40) * 0.32 - 0.06;
      if (alpha <= 0) continue;
      const place = toScreen(camera, view, {
        x: (column + 0.15 + 0.7 * cellChance(row, column + 31)) * WAVELET_CELL_METRES,
        y: (row + 0.15 + 0.7 * chance) * WAVELET_CELL_METRES,
      });
      const half = pixelsPerMetre * (0.5 + chance * 0.9);
      const dx = Math.sin(across) * half;
      const dy = -Math.cos(across) * half;
      context.globalAlpha = alpha;
      context.beginPath();
      context.moveTo(place.x - dx, place.y - dy);
      context.quadraticCurveTo(place.x + dy * 0.5, place.y - dx * 0.5, place.x + dx, place.y + dy);
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

/** A number from 0 up to 1 that belongs to a cell of the sea. */
function cellChance(column: number, row: number): number {
  const mixed = Math.imul(column, 374_761_393) ^ Math.imul(row, 668_265_263);
  return ((Math.imul(mixed ^ (mixed >>> 13), 1_274_126_177) >>> 8) & 0xffff) / 0x10000;
}

function wrap(value: number, span: number): number {
  return ((value % span) + span) % span;
}

function tile(heights: Float32Array, colour: (height: number) => [number, number, number, number]): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = TILE_PIXELS;
  canvas.height = TILE_PIXELS;
  const context = canvas.getContext('2d');
  if (context === null) return canvas;
  const image = context.createImageData(TILE_PIXELS, TILE_PIXELS);
  heights.forEach((height, index) => image.data.set(colour(height), index * 4));
  context.putImageData(image, 0, 0);
  return canvas;
}
