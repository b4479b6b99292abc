import type { Course } from '../../server/games/boat-race/protocol.ts';
import { ahead, toRadians } from './angles.ts';
import { toScreen, toWater } from './camera.ts';
import type { Camera, View } from './camera.ts';
import { FOAM, SEA, SEA_DEEP, SHALLOWS } from './palette.ts';

export interface Wind {
  fromDegrees: number;
  speed: number;
}

const TILE_PIXELS = 256;
const TILE_ALPHA = 0.32;
const WAVELET_CELL_METRES = 6.5;
const STREAK_CELL_METRES = 26;

/** A number from 0 to 1 that is always the same for the same cell. */
function noiseAt(column: number, row: number, salt: number): number {
  let hash = Math.imul(column, 374_761_393) ^ Math.imul(row, 668_265_263) ^ Math.imul(salt, 1_274_126_177);
  hash = Math.imul(hash ^ (hash >>> 13), 1_103_515_245);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296;
}

/** A tile of soft light that repeats without a seam. */
function makeTile(colour: string, salt: number): HTMLCanvasElement {
  const tile = document.createElement('canvas');
  tile.width = TILE_PIXELS;
  tile.height = TILE_PIXELS;
  const context = tile.getContext('2d');
  for (let blob = 0; context !== null && blob < 26; blob++) {
    const radius = 34 + noiseAt(blob, 3, salt) * 60;
    for (const [right, down] of [-1, 0, 1].flatMap((a) => [-1, 0, 1].map((b) => [a, b] as const))) {
      const x = (noiseAt(blob, 1, salt) + right) * TILE_PIXELS;
      const y = (noiseAt(blob, 2, salt) + down) * TILE_PIXELS;
      const light = context.createRadialGradient(x, y, 0, x, y, radius);
      light.addColorStop(0, colour);
      light.addColorStop(1, 'transparent');
      context.fillStyle = light;
      context.fillRect(x - radius, y - radius, radius * 2, radius * 2);
    }
  }
  return tile;
}

/** The sea under the boats: depth, light, small waves and gusts that run with the wind. */
export class Water {
  readonly #light = makeTile('rgba(94, 190, 222, 0.25)', 5);
  readonly #dark = makeTile('rgba(2, 22, 38, 0.4)', 9);

  draw(context: CanvasRenderingContext2D, camera: Camera, view: View, wind: Wind, timeMs: number): void {
    const depth = context.createRadialGradient(
      view.width / 2,
      view.height * 0.45,
      0,
      view.width / 2,
      view.height / 2,
      Math.hypot(view.width, view.height) * 0.6,
    );
    depth.addColorStop(0, SEA);
    depth.addColorStop(1, SEA_DEEP);
    context.fillStyle = depth;
    context.fillRect(0, 0, view.width, view.height);
    const downwind = wind.fromDegrees + 180;
    this.#cover(context, camera, view, this.#dark, 0.46, ahead({ x: 0, y: 0 }, downwind, timeMs / 1700));
    this.#cover(context, camera, view, this.#light, 0.23, ahead({ x: 0, y: 0 }, downwind, timeMs / 800));
    drawStreaks(context, camera, view, wind, timeMs);
    drawWavelets(context, camera, view, wind, timeMs);
  }

  #cover(
    context: CanvasRenderingContext2D,
    camera: Camera,
    view: View,
    tile: HTMLCanvasElement,
    metresAPixel: number,
    drift: { x: number; y: number },
  ): void {
    const pattern = context.createPattern(tile, 'repeat');
    if (pattern === null) return;
    const origin = toScreen(camera, view, drift);
    const scale = metresAPixel * camera.pixelsPerMetre;
    pattern.setTransform(new DOMMatrix([scale, 0, 0, scale, origin.x, origin.y]));
    context.fillStyle = pattern;
    // Strong on the tile and weak on the sea: so faint a light would show the steps between its shades.
    context.globalAlpha = TILE_ALPHA;
    context.fillRect(0, 0, view.width, view.height);
    context.globalAlpha = 1;
  }
}

/** Calls back for each cell of a grid that lies on the water and moves with it. */
function forCells(camera: Camera, view: View, cell: number, each: (column: number, row: number) => void): void {
  const least = toWater(camera, view, {
    x: -cell * camera.pixelsPerMetre,
    y: view.height + cell * camera.pixelsPerMetre,
  });
  const most = toWater(camera, view, {
    x: view.width + cell * camera.pixelsPerMetre,
    y: -cell * camera.pixelsPerMetre,
  });
  for (let column = Math.floor(least.x / cell); column <= most.x / cell; column++) {
    for (let row = Math.floor(least.y / cell); row <= most.y / cell; row++) each(column, row);
  }
}

function drawWavelets(context: CanvasRenderingContext2D, camera: Camera, view: View, wind: Wind, timeMs: number): void {
  const cell = WAVELET_CELL_METRES;
  const downwind = wind.fromDegrees + 180;
  const across = toRadians(downwind + 90);
  context.strokeStyle = FOAM;
  context.lineCap = 'round';
  forCells(camera, view, cell, (column, row) => {
    const life = (timeMs / (2600 + noiseAt(column, row, 4) * 2200) + noiseAt(column, row, 1)) % 1;
    const born = { x: (column + noiseAt(column, row, 2)) * cell, y: (row + noiseAt(column, row, 3)) * cell };
    const place = toScreen(camera, view, ahead(born, downwind, life * 3.4));
    const reach = (0.7 + noiseAt(column, row, 6) * 1.5) * camera.pixelsPerMetre * Math.sin(Math.PI * life);
    const crest = ahead({ x: 0, y: 0 }, downwind, reach * 0.3);
    const right = Math.sin(across) * reach;
    const down = -Math.cos(across) * reach;
    context.globalAlpha = 0.42 * Math.sin(Math.PI * life) * (0.35 + 0.65 * noiseAt(column, row, 7));
    context.lineWidth = Math.max(1, camera.pixelsPerMetre * 0.16);
    context.beginPath();
    context.moveTo(place.x - right, place.y - down);
    context.quadraticCurveTo(place.x + crest.x, place.y - crest.y, place.x + right, place.y + down);
    context.stroke();
  });
  context.globalAlpha = 1;
}

/** Long faint lines that run with the wind: one sees at a glance where it comes from. */
function drawStreaks(context: CanvasRenderingContext2D, camera: Camera, view: View, wind: Wind, timeMs: number): void {
  const cell = STREAK_CELL_METRES;
  const downwind = wind.fromDegrees + 180;
  context.lineCap = 'round';
  context.strokeStyle = FOAM;
  forCells(camera, view, cell, (column, row) => {
    const life = (timeMs / (3000 + noiseAt(column, row, 14) * 1600) + noiseAt(column, row, 11)) % 1;
    const born = { x: (column + noiseAt(column, row, 12)) * cell, y: (row + noiseAt(column, row, 13)) * cell };
    const tail = ahead(born, downwind, life * wind.speed * 3);
    const from = toScreen(camera, view, tail);
    const to = toScreen(camera, view, ahead(tail, downwind, 5 + wind.speed * 0.9));
    const line = context.createLinearGradient(from.x, from.y, to.x, to.y);
    line.addColorStop(0, 'rgba(244, 251, 255, 0)');
    line.addColorStop(1, 'rgba(244, 251, 255, 0.55)');
    context.strokeStyle = line;
    context.globalAlpha = 0.5 * Math.sin(Math.PI * life);
    context.lineWidth = Math.max(1, camera.pixelsPerMetre * 0.22);
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  });
  context.globalAlpha = 1;
}

/** The shoals around the water one may sail in. */
export function drawShallows(context: CanvasRenderingContext2D, camera: Camera, view: View, course: Course): void {
  const half = course.halfSizeMetres;
  const topLeft = toScreen(camera, view, { x: -half, y: half });
  const size = half * 2 * camera.pixelsPerMetre;
  const corner = 8 * camera.pixelsPerMetre;
  context.save();
  for (const [outerMetres, alpha] of [
    [0, 0.42],
    [5, 0.4],
    [11, 0.45],
  ] as const) {
    const grow = outerMetres * camera.pixelsPerMetre;
    context.beginPath();
    context.rect(-10, -10, view.width + 20, view.height + 20);
    context.roundRect(topLeft.x - grow, topLeft.y - grow, size + grow * 2, size + grow * 2, corner + grow);
    context.fillStyle = SHALLOWS;
    context.globalAlpha = alpha;
    context.fill('evenodd');
  }
  context.globalAlpha = 0.7;
  context.strokeStyle = FOAM;
  context.lineWidth = Math.max(1.5, camera.pixelsPerMetre * 0.3);
  context.setLineDash([camera.pixelsPerMetre * 1.6, camera.pixelsPerMetre * 1.1]);
  context.beginPath();
  context.roundRect(topLeft.x, topLeft.y, size, size, corner);
  context.stroke();
  context.restore();
}
