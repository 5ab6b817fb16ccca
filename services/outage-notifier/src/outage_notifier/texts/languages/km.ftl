# Khmer. Written by people who do not speak it natively: a native reader must look at it before it is used.

announcement-title = ជូនដំណឹងអំពីការផ្អាកភ្លើង
announcement-push = ផ្អាកភ្លើង { $times } (គ្រោង) នៅ { $place }។ មូលហេតុ៖ { $cause }។
announcement-sms = { $sender }៖ ផ្អាកភ្លើង { $times } (គ្រោង) នៅ { $place }។ មូលហេតុ៖ { $cause }។

reminder-title = រំលឹកអំពីការផ្អាកភ្លើង
reminder-push = ជិតផ្អាកភ្លើង { $times } (គ្រោង) នៅ { $place }។ មូលហេតុ៖ { $cause }។
reminder-sms = { $sender }៖ រំលឹក ផ្អាកភ្លើង { $times } (គ្រោង) នៅ { $place }។ មូលហេតុ៖ { $cause }។

change-title = ប្តូរពេលផ្អាកភ្លើង
change-push = ពេលថ្មី៖ ផ្អាកភ្លើង { $times } (គ្រោង) នៅ { $place }។ មូលហេតុ៖ { $cause }។
change-sms = { $sender }៖ ប្តូរពេល ផ្អាកភ្លើង { $times } (គ្រោង) នៅ { $place }។ មូលហេតុ៖ { $cause }។

cancellation-title = លុបចោលការផ្អាកភ្លើង
cancellation-push = ការផ្អាកភ្លើង { $times } នៅ { $place } ត្រូវបានលុបចោល។
cancellation-sms = { $sender }៖ ការផ្អាកភ្លើង { $times } នៅ { $place } ត្រូវបានលុបចោល។

restoration-title = មានភ្លើងវិញហើយ
restoration-push = មានភ្លើងវិញហើយនៅ { $place }។ បើផ្ទះអ្នកនៅតែដាច់ភ្លើង សូមប្រាប់យើង។
restoration-sms = { $sender }៖ មានភ្លើងវិញហើយនៅ { $place }។ បើនៅតែដាច់ភ្លើង សូមប្រាប់យើង។

emergency-title = ដាច់ភ្លើងដោយបញ្ហា
emergency-push = ដាច់ភ្លើង { $times } (គ្រោង) នៅ { $place }។ មូលហេតុ៖ { $cause }។
emergency-sms = { $sender }៖ ដាច់ភ្លើង { $times } (គ្រោង) នៅ { $place }។ មូលហេតុ៖ { $cause }។

ticket-opened-title = បានទទួលសំណើ { $reference }
ticket-opened-push = យើងបានទទួលសំណើ { $reference } របស់អ្នក ហើយនឹងទាក់ទងអ្នកឆាប់ៗ។
ticket-opened-sms = { $sender }៖ បានទទួលសំណើ { $reference }។ យើងនឹងទាក់ទងអ្នកឆាប់ៗ។

ticket-attached-title = សំណើ { $reference }៖ កំពុងផ្អាកភ្លើង
ticket-attached-push = { $expected_end_at ->
    [none] តំបន់របស់អ្នកកំពុងផ្អាកភ្លើង។ យើងតាមដានសំណើ { $reference } រហូតមានភ្លើងវិញ។
   *[other] តំបន់របស់អ្នកកំពុងផ្អាកភ្លើង។ គ្រោងមានភ្លើងវិញ { $expected_end_at }។ យើងតាមដានសំណើ { $reference }។
}
ticket-attached-sms = { $expected_end_at ->
    [none] { $sender }៖ តំបន់អ្នកកំពុងផ្អាកភ្លើង។ យើងតាមដានសំណើ { $reference }។
   *[other] { $sender }៖ តំបន់អ្នកកំពុងផ្អាកភ្លើង។ គ្រោងមានភ្លើងវិញ { $expected_end_at }។ សំណើ { $reference }។
}

payment-received-title = បានទទួលប្រាក់ថ្លៃភ្លើង
payment-received-push = បានទទួល { $amount_vnd } សម្រាប់វិក្កយបត្រ { $bill_number }។ សូមអរគុណ។
payment-received-sms = { $sender }៖ បានទទួល { $amount_vnd } សម្រាប់វិក្កយបត្រ { $bill_number }។ សូមអរគុណ។
