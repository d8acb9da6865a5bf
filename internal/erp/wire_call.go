package erp

// CallBody is a telephone to be called into a room.
type CallBody struct {
	PhoneNumber string `json:"phone_number" maxLength:"40" doc:"With the country code, as +49 30 123456; 8 to 15 digits. Kept sealed while it is needed, and in no answer" example:"+4930123456"`
	RoomName    string `json:"room_name" maxLength:"80" doc:"A name of your own: all who are called with it come together. Other keys of your source mean the same room, other sources another one" example:"Incident 4711"`
	CallerID    string `json:"caller_id,omitempty" nullable:"true" maxLength:"60" doc:"What the telephone shows: a name, or one of the numbers that the operator allows. Left out: as the gateway is set up" example:"Incident line"`
	Lang        string `json:"lang,omitempty" nullable:"true" pattern:"^[a-z]{2}$" doc:"Of the prompts; en where it is left out" example:"en"`
}

// CallAnswer is a call and what became of it.
type CallAnswer struct {
	ID        string `json:"id" example:"acl_06f1z2k3m4n5p6q7r8s9t0v1w2"`
	State     string `json:"state" enum:"waiting,calling,ringing,in_room,ended" doc:"waiting: for a free line" example:"waiting"`
	Outcome   string `json:"outcome,omitempty" enum:"left,busy,no_answer,rejected,no_such_number,no_line,failed,locked,closed,away,unknown,no_number,too_late" doc:"Of a call that ended. left: was in the room; locked, closed: the room is; away: the exchange was not reached and nobody was called; unknown: it cannot be told whether the telephone rang; too_late: no line became free in time" example:"left"`
	RequestID string `json:"request_id" example:"req_4ymxk5c7w2"`
}
