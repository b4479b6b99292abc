import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { courseToSteer, rudderToward } from '../race/autopilot.ts';
import { formatTime } from '../race/course.ts';
import { HelmControls } from '../race/helm-controls.ts';
import { hudOf } from '../race/hud.ts';
import type { Hud } from '../race/hud.ts';
import type { RaceMoment } from '../race/interpolation.ts';
import type { Race } from '../race/race.ts';
import { RaceScene } from '../race/scene.ts';
import { HELM_AT_REST, leadHeading, moveHelm } from '../race/steering.ts';
import type { HelmInput } from '../race/steering.ts';
import { useCanvas } from './use-canvas.ts';

export interface RaceViewProps {
  race: Race;
  isAutopilotOn: boolean;
  onAutopilot: (isOn: boolean) => void;
  onFirstFrame: () => void;
}

/** The numbers change this often: quicker cannot be read. */
const HUD_EVERY_MS = 100;
/** The hands on the helm are looked at this often: more than the game ticks. */
const HELM_EVERY_MS = 20;

/** The water, the boats, the numbers around them and the hands on the helm. */
export function RaceView({ race, isAutopilotOn, onAutopilot, onFirstFrame }: RaceViewProps): JSX.Element {
  const [hud, setHud] = useState<Hud | undefined>(undefined);
  const controls = useRef<HelmControls | undefined>(undefined);
  // What a frame needs of the newest properties, without beginning the canvas anew.
  const newest = useRef({ isAutopilotOn, onAutopilot, onFirstFrame });
  newest.current = { isAutopilotOn, onAutopilot, onFirstFrame };

  const canvas = useCanvas(
    (surface, context) => {
      const hands = new HelmControls({
        window,
        surface,
        onStart: () => race.phase === 'waiting' && race.start(),
        onHand: () => newest.current.isAutopilotOn && newest.current.onAutopilot(false),
      });
      controls.current = hands;
      const scene = new RaceScene(context);
      let helm = HELM_AT_REST;
      let leadDegrees = 0;
      let steeredDegrees: number | undefined;
      let helmAtMs = performance.now();
      let hudAtMs = -Infinity;
      // Not with the frames: a slow screen, or a tab that is not looked at, must not steer badly.
      const steering = setInterval(() => {
        const nowMs = performance.now();
        const moment = newest.current.isAutopilotOn ? race.sample(nowMs) : undefined;
        const pilot = moment === undefined ? undefined : autopilotInput(race, moment, steeredDegrees);
        steeredDegrees = pilot?.steeredDegrees;
        helm = moveHelm(helm, pilot?.input ?? hands.input(), nowMs - helmAtMs);
        helmAtMs = nowMs;
        race.steer(helm, nowMs);
      }, HELM_EVERY_MS);
      return {
        paint: (_context, view, nowMs, elapsedMs) => {
          const moment = race.sample(nowMs);
          if (moment === undefined) return;
          const own = moment.boats.find(({ boat }) => boat === race.welcome?.boat);
          leadDegrees =
            own === undefined || moment.phase !== 'racing'
              ? 0
              : leadHeading(leadDegrees, helm, own.rudder, own.speed, elapsedMs);
          scene.draw({ race, moment, leadDegrees, view, nowMs, elapsedMs });
          newest.current.onFirstFrame();
          if (nowMs - hudAtMs < HUD_EVERY_MS) return;
          hudAtMs = nowMs;
          setHud(hudOf(race, moment));
        },
        end: () => {
          clearInterval(steering);
          hands.close();
        },
      };
    },
    [race],
  );

  useEffect(() => () => setHud(undefined), [race]);
  return (
    <>
      <canvas class="water" data-testid="canvas" ref={canvas} aria-label="The race, seen from above" role="img" />
      {hud !== undefined && hud.phase !== 'finished' && <HudView hud={hud} race={race} />}
      {hud?.phase === 'racing' && (
        <EaseButton onHold={(isHeld) => controls.current && (controls.current.isEaseHeld = isHeld)} />
      )}
    </>
  );
}

function autopilotInput(
  race: Race,
  moment: RaceMoment,
  wasDegrees: number | undefined,
): { input: HelmInput; steeredDegrees: number } | undefined {
  const own = moment.boats.find(({ boat }) => boat === race.welcome?.boat);
  if (own === undefined || race.welcome === undefined) return undefined;
  const steeredDegrees = courseToSteer(own, race.welcome.course, moment.wind.fromDegrees, wasDegrees);
  const rudder = rudderToward(own.headingDegrees, steeredDegrees);
  return { input: { rudder, isEasing: false, isDirect: true }, steeredDegrees };
}

function HudView({ hud, race }: { hud: Hud; race: Race }): JSX.Element {
  const isUnderWay = hud.phase === 'racing';
  return (
    <>
      <div class="hud" data-testid="hud">
        <div class="hud-block hud-place">
          <strong>{isUnderWay ? hud.place : `${hud.boats}`}</strong>
          <span>{isUnderWay ? `of ${hud.boats}` : hud.boats === 1 ? 'boat' : 'boats'}</span>
        </div>
        <div class="hud-block">
          <strong>{hud.lap}</strong>
          <span>lap</span>
        </div>
        <div class="hud-block hud-clock">
          <strong>{hud.phase === 'racing' ? formatTime(hud.clockMs) : '0:00.0'}</strong>
          <span>time</span>
        </div>
        <div class="hud-block">
          <strong>{hud.knots}</strong>
          <span>knots</span>
        </div>
        <div class="hud-block hud-wind" role="img" aria-label={`Wind ${hud.windKnots} knots`}>
          <svg viewBox="0 0 40 40" aria-hidden="true">
            <circle cx="20" cy="20" r="18" />
            <path d="M20 36 L12 11 L20 16 L28 11 Z" transform={`rotate(${hud.windFromDegrees.toFixed(0)} 20 20)`} />
          </svg>
          <span>wind {hud.windKnots}</span>
        </div>
      </div>
      {hud.phase === 'waiting' && (
        <div class="centre-card">
          <p class="centre-small">The race starts in</p>
          <p class="centre-big">{Math.ceil(hud.clockMs / 1000)}</p>
          <button class="button button-warm" data-testid="start-now" type="button" onClick={() => race.start()}>
            Start now
          </button>
          <p class="centre-hint wide-only">
            <kbd>Space</kbd> starts · <kbd>←</kbd> <kbd>→</kbd> steer · <kbd>S</kbd> lets the sail out
          </p>
          <p class="centre-hint touch-only">Slide a finger across the water to steer</p>
        </div>
      )}
      {hud.phase === 'countdown' && (
        <div class="countdown" key={Math.ceil(hud.clockMs / 1000)} data-testid="countdown">
          {Math.max(1, Math.ceil(hud.clockMs / 1000))}
        </div>
      )}
      {hud.phase === 'racing' && hud.clockMs < 1100 && <div class="countdown">Go!</div>}
      {hud.advice !== '' && <p class={`advice ${hud.isInIrons ? 'advice-warm' : ''}`}>{hud.advice}</p>}
    </>
  );
}

function EaseButton({ onHold }: { onHold: (isHeld: boolean) => void }): JSX.Element {
  return (
    <button
      class="ease-button touch-only"
      type="button"
      onPointerDown={() => onHold(true)}
      onPointerUp={() => onHold(false)}
      onPointerLeave={() => onHold(false)}
      onPointerCancel={() => onHold(false)}
    >
      Hold to slow
    </button>
  );
}
