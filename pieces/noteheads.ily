%% Read by LilyPond before a score: every notehead and staff then says in the SVG what it is.
%%
%% Noteheads become <g class="head" id="h12" data-...> with their score, moment and length (whole notes),
%% pitch (MIDI), measure, tempo (whole notes a minute), the middle of the head, and the head they are tied
%% from; staves become <g class="staff">. Both carry data-system, the same number for one system.
%% As LilyPond's own event-listener.ly, but what it hears is tied to the drawing, not to the source.

\version "2.24.0"

#(define ripieno-scores 0)
#(define ripieno-heads (make-hash-table))
#(define ripieno-systems (make-hash-table))

#(define (ripieno-count table) (hash-count (const #t) table))

#(define (ripieno-real x) (number->string (exact->inexact x)))

#(define (ripieno-system grob)
   (let ((system (ly:grob-system grob)))
     (if (not (hashq-ref ripieno-systems system))
         (hashq-set! ripieno-systems system (number->string (ripieno-count ripieno-systems))))
     (hashq-ref ripieno-systems system)))

#(define (ripieno-staff-attributes grob)
   `((class . "staff") (data-system . ,(ripieno-system grob))))

#(define (ripieno-head-attributes grob)
   (let ((facts (hashq-ref ripieno-heads grob)))
     (if facts
         `((data-system . ,(ripieno-system grob))
           (data-middle . ,(ripieno-real (interval-center (ly:grob-extent grob grob X))))
           . ,facts)
         '())))

#(define (ripieno-facts score context event)
   (let ((now (ly:context-current-moment context))
         (tempo (ly:context-property context 'tempoWholesPerMinute #f)))
     `((class . "head")
       (id . ,(format #f "h~a" (ripieno-count ripieno-heads)))
       (data-score . ,(number->string score))
       (data-moment . ,(ripieno-real (ly:moment-main now)))
       (data-grace . ,(ripieno-real (ly:moment-grace now)))
       (data-length . ,(ripieno-real (ly:moment-main (ly:event-property event 'length))))
       (data-pitch . ,(ripieno-real (+ 60 (ly:pitch-semitones (ly:event-property event 'pitch)))))
       (data-measure . ,(number->string (ly:context-property context 'currentBarNumber 0)))
       (data-tempo . ,(if (ly:moment? tempo) (ripieno-real (ly:moment-main tempo)) "")))))

#(define (ripieno-note-tie tie)
   (let* ((struck (hashq-ref ripieno-heads (ly:spanner-bound tie LEFT)))
          (held (ly:spanner-bound tie RIGHT))
          (facts (hashq-ref ripieno-heads held)))
     (if (and struck facts)
         (hashq-set! ripieno-heads held (acons 'data-tied-from (assq-ref struck 'id) facts)))))

#(define (Ripieno_engraver context)
   (let ((score 0) (ties '()))
     (make-engraver
      ((initialize engraver)
       (set! ripieno-scores (+ 1 ripieno-scores))
       (set! score ripieno-scores))
      (acknowledgers
       ((note-head-interface engraver grob source)
        (let ((event (event-cause grob)))
          (if (and event (ly:pitch? (ly:event-property event 'pitch)))
              (hashq-set! ripieno-heads grob (ripieno-facts score context event)))))
       ((tie-interface engraver grob source)
        (set! ties (cons grob ties))))
      ((finalize engraver)
       (for-each ripieno-note-tie ties)))))

\layout {
  \context {
    \Score
    \consists #Ripieno_engraver
    \override NoteHead.output-attributes = #ripieno-head-attributes
    \override StaffSymbol.output-attributes = #ripieno-staff-attributes
  }
}

%% Drawn and played as printed, each repeat once.
unfoldRepeats =
#(define-music-function (types music) ((symbol-list-or-symbol? '()) ly:music?) music)

%% The SVG backend seeks every glyph it draws in the whole font anew, which is most of its time: what it found
%% is remembered. (A glyph of a string of them comes as a list: it depends on the one before, and is sought.)
%% Where another version calls this otherwise, it is only slower.
#(let* ((backend (resolve-module '(lily output-svg) #:ensure #f))
        (seek (and backend (module-variable backend 'cache-font)))
        (paths (make-hash-table)))
   (define (remembered slowly)
     (lambda (font size glyph)
       (define sought (list font size glyph))
       (if (and (string? glyph) (not (hash-ref paths sought)))
           (hash-set! paths sought (slowly font size glyph)))
       (or (hash-ref paths sought) (slowly font size glyph))))
   (if seek (variable-set! seek (remembered (variable-ref seek)))))
