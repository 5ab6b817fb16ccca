# Chinese. Written by people who do not speak it natively: a native reader must look at it before it is used.

announcement-title = 停电通知
announcement-push = { $times }（预计）停电，地点：{ $place }。原因：{ $cause }。
announcement-sms = { $sender }：{ $times }（预计）停电，地点：{ $place }。原因：{ $cause }。

reminder-title = 停电提醒
reminder-push = 即将停电：{ $times }（预计），地点：{ $place }。原因：{ $cause }。
reminder-sms = { $sender }：停电提醒 { $times }（预计），地点：{ $place }。原因：{ $cause }。

change-title = 停电时间变更
change-push = 新的停电时间：{ $times }（预计），地点：{ $place }。原因：{ $cause }。
change-sms = { $sender }：停电改为 { $times }（预计），地点：{ $place }。原因：{ $cause }。

cancellation-title = 停电取消
cancellation-push = 原定 { $times } 在 { $place } 的停电已取消。
cancellation-sms = { $sender }：原定 { $times } 在 { $place } 的停电已取消。

restoration-title = 已恢复供电
restoration-push = { $place } 已恢复供电。如您家仍无电，请告诉我们。
restoration-sms = { $sender }：{ $place } 已恢复供电。如仍无电，请告诉我们。

emergency-title = 突发停电
emergency-push = { $times }（预计）停电，地点：{ $place }。原因：{ $cause }。
emergency-sms = { $sender }：突发停电 { $times }（预计），地点：{ $place }。原因：{ $cause }。

ticket-opened-title = 已收到申请 { $reference }
ticket-opened-push = 我们已收到您的申请 { $reference }，会尽快联系您。
ticket-opened-sms = { $sender }：已收到您的申请 { $reference }，会尽快联系您。

ticket-attached-title = 申请 { $reference }：您的地区正在停电
ticket-attached-push = { $expected_end_at ->
    [none] 您的地区正在停电。申请 { $reference } 将跟进到恢复供电。
   *[other] 您的地区正在停电，预计 { $expected_end_at } 恢复供电。申请 { $reference } 将跟进到那时。
}
ticket-attached-sms = { $expected_end_at ->
    [none] { $sender }：您的地区正在停电。申请 { $reference } 将跟进到恢复供电。
   *[other] { $sender }：您的地区正在停电，预计 { $expected_end_at } 恢复供电。申请 { $reference }。
}

payment-received-title = 已收到电费
payment-received-push = 已收到账单 { $bill_number } 的付款 { $amount_vnd }。谢谢。
payment-received-sms = { $sender }：已收到账单 { $bill_number } 的付款 { $amount_vnd }。谢谢。
