#include "unit.h"

CU_TestInfo http_response_tests[] = {
	CU_TEST_INFO_NULL,
};
