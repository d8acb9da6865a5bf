package erp

// The words of the OpenAPI document that are longer than a line.
const (
	guide = "An ERP posts a document; people approve, reject or return it; before the ERP acts it takes the decision.\n\n" +
		"1. `PUT /v1/sources/{source}/documents/{external_id}` posts a document, or its new state. The same content again changes nothing, so a request may always be repeated.\n" +
		"2. `GET /v1/events` (pull, works behind NAT) or a webhook (push) tells what happens. `case.decided` has the outcome.\n" +
		"3. `POST …/consume` with the `content_hash` takes the approval seconds before the payment. It is refused when the document is not what was approved.\n\n" +
		"**Keys.** `Authorization: Bearer SECRET`, or Basic with the id of the key and its secret. A key belongs to one source and sees nothing of others.\n\n" +
		"**Bodies** are JSON objects in UTF-8, not compressed. Names are exact; unknown names and names given twice are refused with 400. " +
		"Money is a decimal text with a point, or a whole number of minor units; never a JSON fraction. Times are RFC 3339, days `2026-06-30`.\n\n" +
		"**Texts.** External ids, codes, accounts and references of persons are refused when they have control characters, characters that turn the direction of writing, spaces at an edge, or nothing that can be seen. " +
		"Texts for people (titles, names, comments) are cleaned of these instead, and `normalized` in the answer lists it.\n\n" +
		"**Errors** are `application/problem+json` with a stable `code`, a `message` in the language of `Accept-Language` (ru, en, de, es), a `request_id` and all wrong fields at once; `more_errors` says how many there are beyond the first hundred. " +
		"`retryable` says whether the same request may succeed later; wait for `Retry-After`. Nothing that was sent is repeated in an error.\n\n" +
		"**Repeating.** PUT is safe to repeat by itself. A POST that makes something takes `Idempotency-Key`: the same request again gets the same answer, with `Idempotent-Replayed: true`, for 30 days; " +
		"another request with that key is 422, one that still runs 409 `in_progress`. Answers of 400 and above are not kept, nor is that of a batch in which an item failed with 429 or with 500 and above.\n\n" +
		"**Methods.** What is changed by PUT, PATCH or DELETE is also changed by POST, for clients that send nothing else.\n\n" +
		"**Any path** may also answer 400 `bad_path`, 404 `not_found`, 405 `method_not_allowed`, 414 `path_too_long`, 431 `too_many_headers` and 503 `overloaded`.\n\n" +
		"**Bounds.** Objects and lists are at most 32 deep, an object has at most 1000 names. The limits of this server, by default: a body 256 KB, a document with files or a batch 8 MB, one file 25 MB. 500 lines, 200 fields, 50 files. " +
		"The payee's name has at most 500 UTF-16 units, the account 150, tax id, bank id and the payee as a person 100: approvers see them whole on every card."

	putText = "Creates the document (201) and starts its case, or stores its new state (200). What a change does to votes that were cast follows from the route: " +
		"`change` says `cosmetic` or `tolerant` (votes stand) or `material` (a new round). Bank details, amount, currency, company and contract are always material.\n\n" +
		"A document that was rejected, withdrawn or expired gets a new case when its content changes. After the approval was consumed only cosmetic changes are taken (409 `already_consumed`).\n\n" +
		"Files: announce each with its `sha256` and send the content by `PUT …/files/{sha256}`, or put small ones into `content_base64`. Nobody can approve while one is missing."

	decisionText = "Only for the content whose hash you give: when the document has changed since, 409 `revision_mismatch`. " +
		"Act on `outcome` = `approved` only, and take it with `POST …/consume` first."

	consumeText = "Closes the gap between approval and payment. Refused with 409: `not_approved`, `withdrawn`, `revision_mismatch` (the document is not what was approved), " +
		"`already_consumed` (by another reference), `files_missing` (a file that the document announces has not arrived: send it by `PUT …/files/{sha256}`, then take the approval). The same reference gets the same answer again, so repeat it when an answer was lost. " +
		"After it the document can neither be withdrawn nor changed, but cosmetically."

	withdrawText = "Ends the case; buttons vanish, votes stay on record. After the final approval a reason is needed (422 `reason_required`), " +
		"after it was consumed it is too late (409 `already_consumed`). Withdrawing again changes nothing. The body may be left out."

	commentText = "A remark that approvers see. It is never a vote. The header `Idempotency-Key` is required: a comment has no name of its own, and a repeated request must not make a second one.\n\n" +
		"With `question_id` it answers the question of an approver (event `question.asked`), in the name of `author`: so a requester answers who has no Telegram. " +
		"409 `question_answered`, `question_closed`: nobody waits for it any more; 404: the newest case of the document has no such question."

	threadText = "Comments, questions of approvers, answers and files that people sent in Telegram, from the first on. Keep the last `id` and give it as `after`. " +
		"A file is fetched from its `url`, with the same key."

	fetchText = "The content of a file that the document announces now, or that somebody sent in Telegram as a reply to its card (event `attachment.added`). " +
		"Files of other documents are not found here, whoever knows their digest."

	batchText = "Each item is a PUT of its own, in a transaction of its own: one that is refused does not hold up the others. " +
		"Items of one `external_id` are done in their order. The answer has one result for each item, with the status and the body that PUT would have had. " +
		"When an item failed with `retryable`, send the same batch again: what got in stays as it is, and the `Idempotency-Key` holds nothing back."

	fileText = "The easiest way from 1C: the body is the content as it is, of any Content-Type. It must have the digest in the path. The document must be there. " +
		"Sending it again is harmless. Programs, pictures of more than 50 megapixels and empty files are refused (422), more than the limit of this server, 25 MB by default, is 413."

	filesText = "Up to 50 files, together not more than one may have (the limit of this server, 25 MB by default); digests are found here. Content-addressed, so sending them again is harmless. Files before one that is refused are kept."

	eventsText = "Events of your source in one order that never changes: keep `next` and give it as `after`. Nothing is ever passed over. " +
		"With `wait` the answer comes when there is something, at the latest after so many seconds; one scheduled job a minute without it is fine too. " +
		"The text of an event is the same to the byte as in webhooks. Within a document `seq` counts without a gap. " +
		"`case.blocked` has a `reason`: `nobody_to_ask`, nobody may decide on the step; `files_missing`, a file that was announced has not arrived. " +
		"The text of an event has at most 20 KB: where it would have more, `data` has `shortened`, without `changes`, and beside a list that was cut its whole length, such as `asked_count` beside `asked`."

	webhookText = "Events are signed by the Standard Webhooks rules: headers `webhook-id` (the same in every repetition), `webhook-timestamp`, `webhook-signature`. " +
		"Answer 2xx within the timeout and work afterwards. Anything else is repeated for a week; events of one document come in order. Redirects are not followed. " +
		"The `secret` is in this answer only."

	replayText = "One event, or all that the endpoint had between two events or moments: with their own ids and new signatures. At most 10 000 at once, 60 times an hour (429). " +
		"Deliveries are kept for a time. What begins before the first that is kept is refused (410 `cursor_expired`), so that nobody takes a part for the whole: " +
		"leave out `from` and give `to` alone to have all from the first that is kept. Older events are in `GET /v1/events`."

	absenceText = "Somebody is away, and perhaps another decides for him meanwhile, beside him: whoever of the two votes first, wins. Open documents follow at once, and at the beginning and the end within a minute. " +
		"The same again changes nothing; another content under the same name replaces it, and both stay on record. A deputy who has passed decisions on to this person for that time is refused (409 `conflict`)."

	delegationText = "Somebody may decide for another, beside him: whoever of the two votes first, wins, and the record says for whom and by which delegation. Nobody decides so what he wrote or gains from, and one person counts once. " +
		"The same again changes nothing; another content under the same name replaces it, and both stay on record. One that would lead back to its principal is refused (409 `conflict`). The deputy is told of it within a minute, and of its end before its time."

	meetingText = "Each guest gets a link that opens a page: he gives his name and presses one button. The conference is made when the first guest comes in, is owned by the host, is never recorded, and is ended and " +
		"removed when everybody has left, nothing is heard of it, or its time is over. With a lobby the host is asked in Telegram for each guest. The links are in this answer only."
	callText = "The telephone exchange calls the number, and whoever answers is in the room. The same limits hold as for people: numbers that begin as the operator allows, calls within a day, calls at the same time. " +
		"While the number is being called, or is in a call, it is not called again (409 `call_in_progress`). Nobody is called into a room that is locked (409 `room_locked`), or while the exchange is away (503 `exchange_away`). The answer is 202: what becomes of the call is told by `GET /v1/calls/{id}`."
	noticeText = "A message to people, roles and groups, with files where there are any. Nobody is asked anything, and a reply to it goes nowhere. " +
		"The answer says who is reached, and who is not: whoever has no Telegram account connected is `unlinked`. Whoever is meant in several ways is told once.\n\n" +
		"An `alarm` makes a sound at any hour; keep it for what cannot wait. `info` is silent outside working hours and in a person's quiet hours, each by his own clock. " +
		"A group that gets more than the messenger allows gets what had to wait in as few messages as hold it whole. " +
		"The header `Idempotency-Key` is required: a notice has no name of its own, and a repeated request must not tell anybody twice."

	noticeChangeText = "The message of each recipient changes in place; changes that come faster than the messenger allows become one. " +
		"`sequence` is your own number of the change: one that is not greater than that of the latest is refused (409 `stale_sequence`), so that a request that was delayed never takes a progress back. " +
		"The same change again is fine and changes nothing. `done` and `failed` end it; after that there is no other (409 `closed`)."

	noticeFileText = "For files that are too large to be sent inside the notice: the body is the content as it is. It must have the digest in the path. Then name it by `sha256`. " +
		"Sending it again is harmless. What is refused is the same as with files of documents; the greatest size is the limit of this server, 25 MB by default. " +
		"What is too large for the messenger arrives as a link that expires, and ends with the connection or the binding of whoever got it."

	userText = "Creates or changes a person. `roles` are all roles that the person has from now on. Without `active` who left stays away and who is there stays. Who is the last that can decide on a step of a live route cannot leave or lose the role (409 `last_approver`). Links to Telegram accounts are not made here: " +
		"a key that could make them could vote for everybody."
)
