import HTTPTypes
import Hummingbird
import Reports

/// The page with the form for a token.
struct LoginPage {
    /// The form's own token, which no other site has.
    let token: String
    let next: String?
    let notice: String?
    let isError: Bool
    let isUnencrypted: Bool

    func response(_ status: HTTPResponse.Status) -> Response {
        var page = Page(title: isError ? "Not signed in" : "Sign in", hasTime: false)
        page.content = """
            <section class="panel"><h1>Sign in</h1>
            \(state)\(warning)<form class="sign" method="post" action="/login">
            <input type="hidden" name="csrf" value="\(token)">
            <input type="hidden" name="next" value="\(next ?? "", limit: .max)">
            <label for="token">Token</label>
            <input id="token" name="token" type="password" required minlength="16" maxlength="4096" \
            autocomplete="current-password" autocapitalize="none" spellcheck="false" autofocus aria-describedby="about"\(mark)>
            <button>Sign in</button>
            <p class="hint" id="about">A token from <code>access.tokens</code> of the service's configuration. The browser gets a \
            cookie instead, which expires after 12 hours without use, and after 7 days at most.</p>
            </form></section>

            """
        return page.response(status: status)
    }

    private var state: Markup {
        guard let notice else { return "" }
        let text = notice.prefix(1).uppercased() + notice.dropFirst() + (notice.hasSuffix(".") ? "" : ".")
        return isError
            ? "<p class=\"state\" role=\"alert\" id=\"problem\">\(text, limit: 600)</p>\n"
            : "<p class=\"state\" role=\"status\">\(text, limit: 600)</p>\n"
    }

    private var mark: Markup { isError ? " aria-invalid=\"true\" aria-errormessage=\"problem\"" : "" }

    private var warning: Markup {
        guard isUnencrypted else { return "" }
        return """
            <p><strong>This connection is not encrypted.</strong> The token would cross the network in the clear, and the browser \
            would not keep the cookie. Add <code>access.tls</code> to the service's configuration, or open the address of a proxy \
            that does TLS.</p>

            """
    }
}

/// The page of a browser that is signed in.
struct SessionPage {
    let token: String
    /// The name of the token's file.
    let name: String

    var response: Response {
        var page = Page(title: "Signed in", hasTime: false)
        page.content = """
            <section class="panel"><h1>Signed in</h1>
            <p class="state">With the token in <code>\(name)</code>.</p>
            <form class="sign" method="post" action="/logout">
            <input type="hidden" name="csrf" value="\(token)">
            <button>Sign out</button>
            </form>
            <p class="next"><a href="/">Overview</a></p></section>

            """
        return page.response(status: .ok)
    }
}
