# Vietnamese. Push has diacritics; SMS has none and fits one GSM-7 segment with ordinary slots (the sender's name counts).
# Of a cut: place, reason, start and expected end always stand there (Circular 22/2020/TT-BCT, Article 4).

announcement-title = Thông báo ngừng cung cấp điện
announcement-push = Ngừng cung cấp điện { $times } (dự kiến) tại { $place }. Lý do: { $cause }.
announcement-sms = { $sender }: Tam ngung cap dien { $times } (du kien) tai { $place }. Ly do: { $cause }.

reminder-title = Nhắc lịch ngừng cung cấp điện
reminder-push = Sắp ngừng cung cấp điện { $times } (dự kiến) tại { $place }. Lý do: { $cause }.
reminder-sms = { $sender }: Nhac lich cat dien { $times } (du kien) tai { $place }. Ly do: { $cause }.

change-title = Thay đổi lịch ngừng cung cấp điện
change-push = Lịch mới: ngừng cung cấp điện { $times } (dự kiến) tại { $place }. Lý do: { $cause }.
change-sms = { $sender }: Doi lich cat dien, lich moi { $times } (du kien) tai { $place }. Ly do: { $cause }.

cancellation-title = Hủy lịch ngừng cung cấp điện
cancellation-push = Không ngừng cung cấp điện { $times } tại { $place } như đã thông báo.
cancellation-sms = { $sender }: Huy lich cat dien { $times } tai { $place }.

restoration-title = Đã có điện trở lại
restoration-push = Đã cấp điện trở lại tại { $place }. Nếu nhà bạn vẫn mất điện, hãy báo cho chúng tôi.
restoration-sms = { $sender }: Da co dien tro lai tai { $place }. Neu van mat dien, xin bao cho chung toi.

emergency-title = Mất điện do sự cố
emergency-push = Mất điện { $times } (dự kiến) tại { $place }. Lý do: { $cause }.
emergency-sms = { $sender }: Mat dien { $times } (du kien) tai { $place }. Ly do: { $cause }.

ticket-opened-title = Đã nhận yêu cầu { $reference }
ticket-opened-push = Chúng tôi đã nhận yêu cầu { $reference } của bạn và sẽ liên hệ sớm.
ticket-opened-sms = { $sender }: Da nhan yeu cau { $reference }. Chung toi se lien he som.

ticket-attached-title = Yêu cầu { $reference }: đang có lịch cắt điện
ticket-attached-push = { $expected_end_at ->
    [none] Khu vực của bạn đang ngừng cung cấp điện. Yêu cầu { $reference } được theo dõi đến khi có điện lại.
   *[other] Khu vực của bạn đang ngừng cung cấp điện, dự kiến có điện lại { $expected_end_at }. Yêu cầu { $reference } được theo dõi đến lúc đó.
}
ticket-attached-sms = { $expected_end_at ->
    [none] { $sender }: Khu vuc cua ban dang cat dien. Yeu cau { $reference } duoc theo doi den khi co dien lai.
   *[other] { $sender }: Khu vuc cua ban dang cat dien, du kien co dien lai { $expected_end_at }. Ma yeu cau { $reference }.
}

payment-received-title = Đã nhận thanh toán tiền điện
payment-received-push = Đã nhận { $amount_vnd } cho hóa đơn { $bill_number }. Xin cảm ơn.
payment-received-sms = { $sender }: Da nhan { $amount_vnd } cho hoa don { $bill_number }. Xin cam on.
