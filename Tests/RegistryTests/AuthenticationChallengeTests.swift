import Testing

@testable import Registry

struct AuthenticationChallengeTests {
    private typealias Challenge = AuthenticationChallenge

    @Test("Challenges are parsed with quoted commas, escapes, tokens and spaces")
    func all() {
        let table: [(String, [AuthenticationChallenge])] = [
            ("", []), (", ,", []),
            ("Basic", [.init(scheme: "basic")]),
            (#"Basic realm="a""#, [.init(scheme: "basic", parameters: ["realm": "a"])]),
            (
                #"Bearer realm="https://a.example/token",service="r",scope="repository:a/b:pull,push""#,
                [
                    .init(
                        scheme: "bearer",
                        parameters: [
                            "realm": "https://a.example/token", "service": "r", "scope": "repository:a/b:pull,push",
                        ])
                ]
            ),
            (
                #"Negotiate, Basic realm="a, \"b\"", charset=UTF-8 , BEARER Realm = "c" , scope=d"#,
                [
                    .init(scheme: "negotiate"),
                    .init(scheme: "basic", parameters: ["realm": #"a, "b""#, "charset": "UTF-8"]),
                    .init(scheme: "bearer", parameters: ["realm": "c", "scope": "d"]),
                ]
            ),
            (
                #"Negotiate YIIab/+==, Basic realm=x"#,
                [.init(scheme: "negotiate"), .init(scheme: "basic", parameters: ["realm": "x"])]
            ),
            // A second value of one name does not replace the first.
            (
                #"Bearer realm="https://first", realm="http://second""#,
                [.init(scheme: "bearer", parameters: ["realm": "https://first"])]
            ),
            // A truncated challenge is left out.
            (
                #"Basic realm="a", Bearer realm="b"#,
                [.init(scheme: "basic", parameters: ["realm": "a"]), .init(scheme: "bearer")]
            ),
        ]
        for (text, expected) in table { #expect(Challenge.all(in: text) == expected, "\(text)") }
    }
}
