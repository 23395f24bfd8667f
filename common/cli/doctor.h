/* doctor.h - `agora-token doctor`: its checks. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <sys/types.h>

#include "doctor_report.h"

/* A user's name and a group's, or their numbers; they live as long as the doctor. */
const char *doctor_user(struct doctor *doctor, uid_t uid);
const char *doctor_group(struct doctor *doctor, gid_t gid);
/* The fix, but where something was only denied to who asks: then nothing need be changed. */
const char *doctor_unless_denied(bool denied, const char *fix);

/* This machine: settings, files, socket. */
void check_configuration(struct doctor *doctor);
void check_unknown_settings(struct doctor *doctor);
void check_mode(struct doctor *doctor);
void check_hosts(struct doctor *doctor);
void check_settings_file(struct doctor *doctor);
void check_secret_files(struct doctor *doctor);
void check_written_files(struct doctor *doctor);
void check_certificates(struct doctor *doctor);
void check_roles(struct doctor *doctor);
void check_socket(struct doctor *doctor);
void check_responder(struct doctor *doctor);
/* The connections that nginx's configuration keeps fit into MAX_CONNECTIONS. */
void check_kept_connections(struct doctor *doctor);

/* The policy. */
void check_callers(struct doctor *doctor);
void check_audiences(struct doctor *doctor);
void check_anonymous(struct doctor *doctor);
void check_lists(struct doctor *doctor);
void check_breadth(struct doctor *doctor);
void check_lifetimes(struct doctor *doctor);
void check_covered(struct doctor *doctor);

/* The service as its clients see it; all but the first look at nothing when it is not reached. */
void check_url(struct doctor *doctor);
void check_https(struct doctor *doctor);
void check_request_id(struct doctor *doctor);
void check_cors(struct doctor *doctor);
void check_own_pages(struct doctor *doctor);
void check_authorization(struct doctor *doctor);
void check_slash(struct doctor *doctor);
void check_body_limit(struct doctor *doctor);
void check_clock(struct doctor *doctor);

/* Agora. */
void check_agora_hosts(struct doctor *doctor);
void check_agora_credentials(struct doctor *doctor);

/* Frees what the web's checks keep. */
void doctor_forget(struct doctor *doctor);

#endif
