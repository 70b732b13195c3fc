// Voice notes: playing one, with its wave, and recording one.

import { html, useEffect, useRef, useState } from '/preact.js';
import { content } from './api.js';
import { problem } from './phrases.js';
import { tell } from './state.js';
import { text } from './texts.js';
import { Icon, Tool } from './ui.js';

const BARS = 48; // of the wave
const HIGH = 255; // of a byte of it
const MOST = 10 * 60_000; // ms that are recorded

export const minutes = ms => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`;

// waveOf is how loud it is, as the lines of a path.
function waveOf(base64) {
  let bytes = '';
  try {
    bytes = atob(String(base64 ?? ''));
  } catch { /* a flat line */ }
  return Array.from({ length: BARS }, (_, i) => {
    const high = 1 + (bytes.charCodeAt(Math.floor(i * bytes.length / BARS)) || 0) / HIGH * 10;
    return `M${i * 4 + 2} ${12 - high}V${12 + high}`;
  });
}

export function Voice({ m, a }) {
  const [playing, play] = useState(false), [part, setPart] = useState(0);
  const audio = useRef(), url = useRef();
  useEffect(() => () => {
    audio.current?.pause();
    if (url.current) URL.revokeObjectURL(url.current);
  }, []);
  const start = async () => {
    try {
      if (!audio.current) {
        url.current = URL.createObjectURL(await content(m.id, a.n));
        const one = audio.current = new Audio(url.current);
        one.ontimeupdate = () => setPart(one.currentTime / (Number(a.duration) / 1000 || one.duration || 1));
        one.onended = () => { play(false); setPart(0); };
      }
      await audio.current.play();
      play(true);
    } catch (e) {
      tell(e.code === undefined ? text('cantPlay') : problem(e), true);
    }
  };
  const stop = () => {
    audio.current?.pause();
    play(false);
  };
  const lines = waveOf(a.wave), heard = Math.round(BARS * Math.min(1, part));
  return html`<span class="voice"><${Tool} icon=${playing ? 'pause' : 'play'} label=${text(playing ? 'pause' : 'play')} onClick=${playing ? stop : start} />
    <svg viewBox="0 0 192 24" aria-hidden="true"><path class="done" d=${lines.slice(0, heard).join('')} /><path d=${lines.slice(heard).join('')} /></svg>
    <small>${minutes(Number(a.duration) || 0)}</small></span>`;
}

const TYPES = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus']; // that the node takes

export const recordable = () => globalThis.MediaRecorder && navigator.mediaDevices ? TYPES.find(t => MediaRecorder.isTypeSupported(t)) : undefined;

// Recorder records until it is stopped, and gives the file to `done`; null if it was given up.
export function Recorder({ done }) {
  const [time, setTime] = useState(0), recorder = useRef(), keep = useRef(false);
  useEffect(() => {
    let clock, source, left = false;
    (async () => {
      try {
        source = await navigator.mediaDevices.getUserMedia({ audio: true });
        if (left) {
          source.getTracks().forEach(t => t.stop());
          return;
        }
        const type = recordable(), parts = [], began = Date.now();
        const r = recorder.current = new MediaRecorder(source, { mimeType: type });
        r.ondataavailable = e => parts.push(e.data);
        r.onstop = () => {
          source.getTracks().forEach(t => t.stop());
          done(keep.current ? new Blob(parts, { type: type.split(';')[0] }) : null);
        };
        r.start();
        clock = setInterval(() => {
          setTime(Date.now() - began);
          if (Date.now() - began > MOST) finish(true);
        }, 250);
      } catch {
        tell(text('noMicrophone'), true);
        done(null);
      }
    })();
    return () => {
      left = true;
      clearInterval(clock);
      if (recorder.current?.state === 'recording') recorder.current.stop();
    };
  }, []);
  const finish = kept => {
    keep.current = kept;
    if (recorder.current?.state === 'recording') recorder.current.stop();
    else done(null);
  };
  return html`<div class="recording" role="group" aria-label=${text('record')}><span class="dot" /><span>${text('recording')} ${minutes(time)}</span>
    <${Tool} icon="close" label=${text('cancel')} onClick=${() => finish(false)} /><button type="button" class="main" onClick=${() => finish(true)}><${Icon} name="stop" /> ${text('done')}</button></div>`;
}
