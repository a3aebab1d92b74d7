import Testing

@testable import Registry
@testable import Transfer

struct RetryRuleTests {
    private static let long = Duration.seconds(600)

    @Test("A read is repeated after transient failures only")
    func reading() {
        let rule = RetryRule(isRepeatable: true)
        func decide(_ outcome: RetryRule.Outcome) -> RetryRule.Decision {
            rule.decide(outcome, attempt: 1, remaining: Self.long)
        }
        for status in [429, 500, 502, 503, 504] {
            #expect(decide(.status(status, retryAfter: nil)) == .again(after: .milliseconds(250)), "\(status)")
        }
        for status in [200, 201, 301, 307, 400, 401, 403, 404, 405, 501] {
            #expect(decide(.status(status, retryAfter: nil)) == .over, "\(status)")
        }
        for failure in [TransferFailure.dns(""), .refused(""), .timeout(""), .protocolError(""), .local("")] {
            #expect(decide(.failure(failure)) == .again(after: .milliseconds(250)), "\(failure)")
        }
        for failure in [TransferFailure.tls(""), .tooLarge(""), .cancelled] {
            #expect(decide(.failure(failure)) == .over, "\(failure)")
        }
    }

    @Test("A write is repeated only if certainly nothing was written")
    func writing() {
        let rule = RetryRule(isRepeatable: false)
        func isAgain(_ outcome: RetryRule.Outcome) -> Bool {
            rule.decide(outcome, attempt: 1, remaining: Self.long) != .over
        }
        #expect(isAgain(.status(429, retryAfter: nil)))
        #expect(isAgain(.failure(.refused(""))))
        for status in [500, 502, 503, 504] { #expect(!isAgain(.status(status, retryAfter: nil)), "\(status)") }
        for failure in [TransferFailure.timeout(""), .protocolError("")] { #expect(!isAgain(.failure(failure))) }
    }

    @Test("The pause doubles or follows Retry-After, within the limit, the deadline and four attempts")
    func pauses() {
        let rule = RetryRule(isRepeatable: true)
        func decide(_ attempt: Int, _ wish: Duration? = nil, _ remaining: Duration = Self.long) -> RetryRule.Decision {
            rule.decide(.status(429, retryAfter: wish), attempt: attempt, remaining: remaining)
        }
        #expect(
            (1...4).map { decide($0) } == [
                .again(after: .milliseconds(250)), .again(after: .milliseconds(500)), .again(after: .seconds(1)), .over,
            ])
        #expect(decide(1, .seconds(7)) == .again(after: .seconds(7)))
        #expect(decide(3, .zero) == .again(after: .seconds(1)))
        #expect(decide(1, .seconds(60)) == .again(after: .seconds(60)))
        #expect(decide(1, .seconds(61)) == .over)
        #expect(decide(1, .seconds(7), .seconds(7)) == .over)
    }

    @Test(
        "Retry-After is a number of seconds or a date",
        arguments: [
            ("0", Duration.zero), ("120", .seconds(120)), ("99999999999999999999", .seconds(1 << 32)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(7)), ("Sun, 06 Nov 1994 08:49:00 GMT", .zero),
            ("Thu, 29 Feb 1996 00:00:00 GMT", .seconds(41_440_230)),
            ("", nil), ("soon", nil), ("-1", nil), ("1.5", nil), ("Sun, 06 Nov 1994 08:49:37", nil), (nil, nil),
        ] as [(String?, Duration?)])
    func retryAfter(text: String?, expected: Duration?) {
        // Sun, 06 Nov 1994 08:49:30 GMT.
        #expect(RetryAfter.duration(text, now: 784_111_770) == expected)
    }

    @Test(
        "The next page is the link with the relation next",
        arguments: [
            (#"</v2/a/tags/list?n=2&last=b>; rel="next""#, "/v2/a/tags/list?n=2&last=b"),
            (#"<https://x/first>; rel="first", <https://x/a,b>; title="x"; rel=next"#, "https://x/a,b"),
            (#"</p>; rel="prev""#, nil), ("", nil), ("</p", nil), (nil, nil),
        ] as [(String?, String?)])
    func links(header: String?, expected: String?) {
        #expect(ContentLink.next(in: header) == expected)
    }
}
