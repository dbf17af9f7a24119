/* serve - a web server for tests: the files of one folder, on loopback.
 *
 * usage: serve FOLDER [BROKEN]
 *
 * Prints the port it listens on, and serves, one request at a time, until it is killed. It knows
 * GET and "Range: bytes=N-". The first request for the file BROKEN is broken off after half of it:
 * for the test of downloads that go on where they stopped.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sends the file from `start` on; half of it if it is to be broken off. */
static void send_file(FILE *client, FILE *file, long start, bool half)
{
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    if (start >= size && start > 0) {
        fprintf(client, "HTTP/1.0 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    if (start > 0)
        fprintf(client, "HTTP/1.0 206 Partial Content\r\nContent-Range: bytes %ld-%ld/%ld\r\n",
                start, size - 1, size);
    else
        fprintf(client, "HTTP/1.0 200 OK\r\nAccept-Ranges: bytes\r\n");
    fprintf(client, "Content-Length: %ld\r\n\r\n", size - start);
    fseek(file, start, SEEK_SET);
    for (long left = half ? size / 2 : size - start; left > 0; left--)
        putc(getc(file), client);
}

/* Answers one request; *broken is the file to break off, and NULL when that was done. */
static void answer(FILE *client, const char *folder, const char **broken)
{
    char line[1024], name[1024] = "", path[4096];
    long start = 0;

    if (fgets(line, sizeof line, client) == NULL)
        return;
    if (sscanf(line, "GET /%1000s", name) != 1 || strstr(name, "..") != NULL)
        name[0] = '\0';
    while (fgets(line, sizeof line, client) != NULL && line[0] != '\r' && line[0] != '\n')
        sscanf(line, "Range: bytes=%ld-", &start);
    fprintf(stderr, "serve: %s from %ld\n", name, start);

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = name[0] == '\0' ? NULL : fopen(path, "rb");
    const bool half = *broken != NULL && strcmp(name, *broken) == 0;
    fseek(client, 0, SEEK_CUR); /* from reading to writing */
    if (file == NULL) {
        fprintf(client, "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    if (half)
        *broken = NULL;
    send_file(client, file, start, half);
    fclose(file);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int server = socket(AF_INET, SOCK_STREAM, 0);

    if (argc < 2 || argc > 3 || bind(server, (struct sockaddr *)&address, size) != 0 ||
        listen(server, 16) != 0 || getsockname(server, (struct sockaddr *)&address, &size) != 0) {
        fprintf(stderr, "usage: serve FOLDER [BROKEN]\n");
        return 1;
    }
    const char *broken = argv[2]; /* NULL if there is none */
    signal(SIGPIPE, SIG_IGN);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        const int socket = accept(server, NULL, NULL);
        FILE *client = socket < 0 ? NULL : fdopen(socket, "r+");
        if (client == NULL)
            continue;
        answer(client, argv[1], &broken);
        fclose(client);
    }
}
