package telegram

import "context"

// GetChatMember asks what an account is in a chat. Somebody who never was there has left.
func (c *Client) GetChatMember(ctx context.Context, chatID, userID int64) (ChatMember, error) {
	var w struct {
		Status   string `json:"status"`
		IsMember bool   `json:"is_member"`
		CanSend  bool   `json:"can_send_messages"`
	}
	err := c.raw(ctx, &exchange{method: "getChatMember", facts: Facts{Chat: chatID, Account: userID}}, map[string]any{"chat_id": chatID, "user_id": userID}, &w)
	if err != nil {
		return ChatMember{}, err
	}
	return ChatMember{User: User{ID: userID}, Status: w.Status, IsMember: w.IsMember, CanSend: w.CanSend}, nil
}

// Runs says whether the account is one of those who run the chat.
func (m ChatMember) Runs() bool { return m.Status == "creator" || m.Status == "administrator" }
