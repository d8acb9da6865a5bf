package calendar_test

import (
	"fmt"
	"time"

	"countersign/internal/calendar"
)

func ExampleCalendar_Add() {
	berlin, _ := time.LoadLocation("Europe/Berlin")
	office := calendar.Standard(berlin)
	office.Days = map[calendar.Date][]calendar.Span{
		{Year: 2026, Month: time.May, Day: 1}: nil, // a holiday, a Friday
	}
	asked := time.Date(2026, time.April, 30, 16, 30, 0, 0, berlin)
	due := office.Add(asked, 4*time.Hour)
	fmt.Println(due.Format("Mon 2 Jan 15:04"))
	fmt.Println(office.Working(asked, due))
	// Output:
	// Mon 4 May 11:30
	// 4h0m0s
}
