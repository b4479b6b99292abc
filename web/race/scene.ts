import { ahead, mix, toRadians } from './angles.ts';
import { follow, scaleFor, toScreen } from './camera.ts';
import type { Camera, View } from './camera.ts';
import { middleOfStart } from './course.ts';
import { drawBoat, drawWake } from './draw-boat.ts';
import { drawBuoys, drawMinimap, drawName, drawStartLine, drawWayToMark } from './draw-course.ts';
import type { Margins } from './draw-course.ts';
import { drawShallows, Water } from './draw-water.ts';
import type { RaceMoment, SampledBoat } from './interpolation.ts';
import { FOAM, hullColour } from './palette.ts';
import type { Race } from './race.ts';
import { isInNoGoZone, NO_GO_DEGREES } from './sails.ts';
import { ledHeading } from './steering.ts';
import { Wakes } from './wakes.ts';

/** One frame's worth of what is to be seen. */
export interface Frame {
  race: Race;
  moment: RaceMoment;
  /** How far the own boat's heading is drawn ahead of the server's. */
  leadDegrees: number;
  view: View;
  nowMs: number;
  elapsedMs: number;
}

/** The camera looks this far ahead of the own boat, in seconds of its sailing. */
const LOOK_AHEAD_SECONDS = 1.6;
/** Narrower than this is a phone: the map goes to the top, where no thumb is. */
const PHONE_WIDTH = 720;
/** Lower than this is a phone on its side: the map goes to the corner above the thumb. */
const SHORT_HEIGHT = 480;

/** Paints the race. Holds only what the eye remembers: camera, wakes, textures. */
export class RaceScene {
  readonly #context: CanvasRenderingContext2D;
  readonly #water = new Water();
  readonly #wakes = new Wakes();
  #camera: Camera | undefined;

  constructor(context: CanvasRenderingContext2D) {
    this.#context = context;
  }

  draw(frame: Frame): void {
    const { race, moment, view, nowMs } = frame;
    const { welcome } = race;
    if (welcome === undefined) return;
    const context = this.#context;
    const boats = moment.boats.map((boat) =>
      boat.boat === welcome.boat
        ? { ...boat, headingDegrees: ledHeading(boat.headingDegrees, frame.leadDegrees) }
        : boat,
    );
    const own = boats.find(({ boat }) => boat === welcome.boat);
    const camera = this.#follow(frame, own);
    this.#wakes.note(boats, nowMs);
    this.#water.draw(context, camera, view, moment.wind, nowMs);
    drawShallows(context, camera, view, welcome.course);
    drawStartLine(context, camera, view, welcome.course, own === undefined || isLineNext(frame, own));
    drawBuoys(context, camera, view, welcome.course, own?.nextBuoy ?? -1, nowMs);
    for (const boat of boats) drawWake(context, camera, view, this.#wakes.trailOf(boat.boat), boat, nowMs);
    if (own !== undefined && moment.phase === 'racing')
      drawNoGoZone(context, camera, view, own, moment.wind.fromDegrees);
    const ownLast = boats.toSorted((a, b) => Number(a === own) - Number(b === own));
    for (const boat of ownLast) {
      const isOwn = boat === own;
      const isConnected = race.infoOf(boat.boat)?.isConnected !== false;
      const look = { hull: hullColour(boat.boat, isOwn), isOwn, isConnected };
      drawBoat(context, camera, view, boat, moment.wind, look, nowMs);
    }
    for (const boat of ownLast) {
      const place = toScreen(camera, view, boat);
      drawName(
        context,
        { x: place.x, y: place.y + camera.pixelsPerMetre * 6.4 + 14 },
        race.nameOf(boat.boat),
        boat === own,
      );
    }
    if (own !== undefined && moment.phase !== 'finished') {
      drawWayToMark(context, camera, view, welcome.course, own, marginsFor(view));
    }
    drawMinimap(context, minimapFrame(view), welcome.course, boats, welcome.boat);
  }

  #follow({ race, view, elapsedMs, moment }: Frame, own: SampledBoat | undefined): Camera {
    const isUnderWay = moment.phase === 'racing' || moment.phase === 'finished';
    const line = race.welcome === undefined ? { x: 0, y: 0 } : middleOfStart(race.welcome.course);
    const ownAhead = own === undefined ? line : ahead(own, own.headingDegrees, own.speed * LOOK_AHEAD_SECONDS);
    const target = isUnderWay ? ownAhead : { x: mix(line.x, ownAhead.x, 0.4), y: mix(line.y, ownAhead.y, 0.4) };
    const pixelsPerMetre = scaleFor(view);
    this.#camera =
      this.#camera === undefined
        ? { ...target, pixelsPerMetre }
        : follow(this.#camera, target, pixelsPerMetre, 2.6, elapsedMs);
    return this.#camera;
  }
}

function isLineNext({ moment, race }: Frame, own: SampledBoat): boolean {
  return moment.phase !== 'racing' || own.nextBuoy >= (race.welcome?.course.buoys.length ?? 0);
}

/** Where the map is: out of the way of thumbs on a phone, in the corner on a desk. */
export function minimapFrame(view: View): { x: number; y: number; size: number } {
  if (view.width < PHONE_WIDTH) return { x: view.width - 116, y: 84, size: 104 };
  if (view.height < SHORT_HEIGHT) return { x: view.width - 132, y: 14, size: 118 };
  return { x: view.width - 204, y: view.height - 204, size: 180 };
}

function marginsFor(view: View): Margins {
  if (view.height < SHORT_HEIGHT) return { top: 132, right: 40, topRight: 160, bottom: 60, left: 40 };
  const isPhone = view.width < PHONE_WIDTH;
  return isPhone
    ? { top: 150, right: 30, topRight: 146, bottom: 190, left: 30 }
    : { top: 170, right: 60, topRight: 60, bottom: 120, left: 60 };
}

/** Where no sail draws, shown only while the boat points there. */
function drawNoGoZone(
  context: CanvasRenderingContext2D,
  camera: Camera,
  view: View,
  own: SampledBoat,
  windFromDegrees: number,
): void {
  if (!isInNoGoZone(own.headingDegrees, windFromDegrees)) return;
  const place = toScreen(camera, view, own);
  const radius = camera.pixelsPerMetre * 15;
  const middle = toRadians(windFromDegrees - 90);
  const half = toRadians(NO_GO_DEGREES);
  const light = context.createRadialGradient(place.x, place.y, radius * 0.2, place.x, place.y, radius);
  light.addColorStop(0, 'rgba(255, 122, 69, 0.05)');
  light.addColorStop(1, 'rgba(255, 122, 69, 0.34)');
  context.save();
  context.fillStyle = light;
  context.strokeStyle = FOAM;
  context.beginPath();
  context.moveTo(place.x, place.y);
  context.arc(place.x, place.y, radius, middle - half, middle + half);
  context.closePath();
  context.fill();
  context.restore();
}
