/// The only program of the tests' images, as a tar archive for an engine's `import`.
enum ServiceArchive {
    /// `/service [SECONDS [CODE]]`: runs until SIGTERM or for this time, and exits with the code.
    private static let program = """
        #include <signal.h>
        #include <stdlib.h>
        #include <unistd.h>
        static void stop(int signal) { (void)signal; _exit(0); }
        int main(int count, char **arguments) {
            signal(SIGTERM, stop);
            if (count < 2) for (;;) pause();
            sleep(atoi(arguments[1]));
            return count > 2 ? atoi(arguments[2]) : 0;
        }
        """

    /// The archive's path in the folder. It is built once.
    static func path(in folder: TemporaryFolder) async throws -> String {
        if folder.contains("service.tar") { return folder.path("service.tar") }
        let compiler = try Program.installed("cc", remedy: "apt-get install gcc libc6-dev")
        let source = try folder.write("service.c", program)
        try await compiler.succeed(["-static", "-Os", "-s", "-o", folder.path("service"), source])
        let tar = try Program.installed("tar", remedy: "apt-get install tar")
        try await tar.succeed(["-C", folder.path, "-cf", folder.path("service.tar"), "service"])
        return folder.path("service.tar")
    }
}
