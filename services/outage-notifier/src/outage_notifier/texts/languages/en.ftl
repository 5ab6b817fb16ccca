# English. SMS is GSM-7: names in it lose their diacritics.

announcement-title = Planned power cut
announcement-push = No power { $times } (expected) at { $place }. Reason: { $cause }.
announcement-sms = { $sender }: No power { $times } (expected) at { $place }. Reason: { $cause }.

reminder-title = Reminder: planned power cut
reminder-push = Soon no power { $times } (expected) at { $place }. Reason: { $cause }.
reminder-sms = { $sender }: Reminder, no power { $times } (expected) at { $place }. Reason: { $cause }.

change-title = Planned power cut changed
change-push = New times: no power { $times } (expected) at { $place }. Reason: { $cause }.
change-sms = { $sender }: Changed, no power { $times } (expected) at { $place }. Reason: { $cause }.

cancellation-title = Planned power cut called off
cancellation-push = The power cut { $times } at { $place } will not take place.
cancellation-sms = { $sender }: Called off: the power cut { $times } at { $place }.

restoration-title = Power is back
restoration-push = Power is back at { $place }. If you still have none, please tell us.
restoration-sms = { $sender }: Power is back at { $place }. If you still have none, please tell us.

emergency-title = Unplanned power cut
emergency-push = No power { $times } (expected) at { $place }. Reason: { $cause }.
emergency-sms = { $sender }: Power cut { $times } (expected) at { $place }. Reason: { $cause }.

ticket-opened-title = Request { $reference } received
ticket-opened-push = We have your request { $reference } and will contact you soon.
ticket-opened-sms = { $sender }: We have your request { $reference } and will contact you soon.

ticket-attached-title = Request { $reference }: there is a power cut
ticket-attached-push = { $expected_end_at ->
    [none] There is a power cut in your area. We watch your request { $reference } until power is back.
   *[other] There is a power cut in your area; power is expected back { $expected_end_at }. We watch your request { $reference } until then.
}
ticket-attached-sms = { $expected_end_at ->
    [none] { $sender }: There is a power cut in your area. We watch request { $reference } until power is back.
   *[other] { $sender }: Power cut in your area; power expected back { $expected_end_at }. Request { $reference }.
}

payment-received-title = Payment received
payment-received-push = We received { $amount_vnd } for bill { $bill_number }. Thank you.
payment-received-sms = { $sender }: We received { $amount_vnd } for bill { $bill_number }. Thank you.
