import ArgumentParser

@main
struct Agent: AsyncParsableCommand {
    func run() async throws {}
}
