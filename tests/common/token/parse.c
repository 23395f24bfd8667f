#include "unit.h"

CU_TestInfo token_parse_tests[] = {
	CU_TEST_INFO_NULL,
};
