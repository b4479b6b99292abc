import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Copies the link into the race; where the browser forbids that, shows it to be copied by hand. */
export function InviteButton({ link }: { link: string }): JSX.Element {
  const [outcome, setOutcome] = useState<'copied' | 'shown' | undefined>(undefined);
  useEffect(() => {
    if (outcome !== 'copied') return undefined;
    const timer = setTimeout(() => setOutcome(undefined), 2500);
    return () => clearTimeout(timer);
  }, [outcome]);
  const invite = (): void => {
    copy(link).then(
      () => setOutcome('copied'),
      () => setOutcome('shown'),
    );
  };
  return (
    <>
      <button class="button button-quiet" data-testid="invite" type="button" onClick={invite}>
        {outcome === 'copied' ? 'Link copied' : 'Invite a friend'}
      </button>
      {outcome === 'shown' && (
        <input
          class="invite-link"
          aria-label="Link to this race"
          readOnly
          value={link}
          ref={(field) => field?.select()}
          onBlur={() => setOutcome(undefined)}
        />
      )}
    </>
  );
}

/** Rejects where the page is not secure, or the browser does not allow it. */
async function copy(text: string): Promise<void> {
  const clipboard: Clipboard | undefined = navigator.clipboard;
  if (clipboard === undefined) throw new DOMException('No clipboard here', 'NotAllowedError');
  await clipboard.writeText(text);
}
