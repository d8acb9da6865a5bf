#!/bin/sh
# What it is for: the prompts that the rooms use, in the languages that Asterisk lacks; above all
# German, for which there is no package. They are spoken by espeak-ng, and what is there already,
# in whatever format, stays as it is. Run it where Asterisk runs, as one who may write there:
#   apt-get install espeak-ng sox && deploy/asterisk/prompts.sh de
# What to change: nothing; the folder may be given behind the language.
set -eu

language=${1:-}
sounds=${2:-/usr/share/asterisk/sounds}

say() { # makes a prompt that is not there, whole or not at all
  for ending in gsm wav ulaw alaw g722 sln16; do
    [ ! -e "$sounds/$language/$1.$ending" ] || return 0
  done
  espeak-ng -v "$voice" -s 150 -w "$work/spoken.wav" -- "$2"
  sox "$work/spoken.wav" -r 8000 -c 1 -b 16 "$work/ready.wav"
  chmod 644 "$work/ready.wav"
  mv "$work/ready.wav" "$sounds/$language/$1.wav"
  echo "$sounds/$language/$1.wav"
}

case $language in
  de | es | ru) voice=$language ;;
  en) voice=en-us ;;
  *)
    echo "usage: $0 de|en|es|ru [FOLDER OF SOUNDS]" >&2
    exit 2
    ;;
esac
for program in espeak-ng sox; do
  if ! command -v "$program" >/dev/null; then
    echo "$program is missing: apt-get install espeak-ng sox" >&2
    exit 1
  fi
done
if [ ! -d "$sounds" ]; then
  echo "there is no folder $sounds; give Asterisk's own behind the language" >&2
  exit 1
fi
mkdir -p "$sounds/$language"
work=$(mktemp -d "$sounds/$language/.making-XXXXXX") # in the same file system
trap 'rm -rf "$work"' EXIT

case $language in
  de)
    say conf-getpin "Bitte geben Sie die PIN der Konferenz ein, und danach die Rautetaste."
    say conf-invalidpin "Diese PIN ist falsch. Bitte versuchen Sie es noch einmal."
    say conf-locked "Dieser Raum ist geschlossen."
    say conf-kicked "Sie wurden aus dem Raum entfernt."
    say conf-muted "Sie sind jetzt stummgeschaltet."
    say conf-unmuted "Sie sind jetzt wieder zu hören."
    ;;
  en)
    say conf-getpin "Please enter the PIN of the conference, followed by the pound key."
    say conf-invalidpin "That PIN is wrong. Please try again."
    say conf-locked "This room is locked."
    say conf-kicked "You have been removed from the room."
    say conf-muted "You are now muted."
    say conf-unmuted "You can be heard again."
    ;;
  es)
    say conf-getpin "Por favor, introduzca el PIN de la conferencia y pulse la tecla almohadilla."
    say conf-invalidpin "Ese PIN no es correcto. Inténtelo de nuevo."
    say conf-locked "Esta sala está cerrada."
    say conf-kicked "Ha sido expulsado de la sala."
    say conf-muted "Su micrófono está silenciado."
    say conf-unmuted "Se le vuelve a oír."
    ;;
  ru)
    say conf-getpin "Введите, пожалуйста, пин-код конференции и нажмите решётку."
    say conf-invalidpin "Неверный пин-код. Попробуйте ещё раз."
    say conf-locked "Эта комната закрыта."
    say conf-kicked "Вас удалили из комнаты."
    say conf-muted "Ваш микрофон выключен."
    say conf-unmuted "Вас снова слышно."
    ;;
esac
